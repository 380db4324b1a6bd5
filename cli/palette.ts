/** Colours by what they mean, so that renderers never name one. */
import { Chalk, type ChalkInstance } from "chalk";

export type Paint = (text: string) => string;

export interface Palette {
  readonly strong: Paint;
  readonly faint: Paint;
  readonly error: Paint;
  readonly warning: Paint;
  readonly good: Paint;
  readonly hint: Paint;
  readonly create: Paint;
  readonly update: Paint;
  readonly replace: Paint;
  readonly remove: Paint;
  /** Tell things apart, in turn, and mean nothing else. */
  readonly apart: readonly [Paint, ...Paint[]];
}

/** Without colour every paint returns its text unchanged. */
export function palette(colour: boolean): Palette {
  return colour ? coloured : plain;
}

// Made once: a run asks for its colours with every event.
const coloured = paletteOf(new Chalk({ level: 1 }));
const plain = paletteOf(new Chalk({ level: 0 }));

function paletteOf(chalk: ChalkInstance): Palette {
  return {
    strong: chalk.bold,
    faint: chalk.dim,
    error: chalk.red.bold,
    warning: chalk.yellow.bold,
    good: chalk.green,
    hint: chalk.cyan,
    create: chalk.green,
    update: chalk.yellow,
    replace: chalk.magenta,
    remove: chalk.red,
    apart: [chalk.cyan, chalk.magenta, chalk.blue, chalk.green, chalk.yellow],
  };
}
