/** How the help of a command looks: commander's layout with vmlab's sections around it. */
import { type Argument, type Command, Help, type Option } from "commander";
import { type CommandContext, colours } from "./context.ts";
import { pad, textWidth, wrapText } from "./render/text-width.ts";

export interface Example {
  readonly command: string;
  readonly text: string;
}

export interface CommandHelp {
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs, parted by empty lines. */
  readonly description?: string;
  readonly examples: readonly Example[];
  /** Where the exit code says more than 0 for success and 1 for errors: codes with what they mean. */
  readonly exitCodes?: readonly (readonly [codes: string, meaning: string])[];
  /** What one reaches for next: names below vmlab (`snapshot list`). */
  readonly related?: readonly string[];
}

/** Sections of options that many commands have. */
export const OPTION_GROUPS = {
  selection: "Which VMs:",
  variables: "Variables of lab.toml:",
  every: "Every command:",
} as const;

/** Wider lines are hard to read. */
const WIDEST = 100;

export function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 80, WIDEST);
}

/** Sections in the order of how much they say about one command. */
const ORDER: readonly string[] = [
  OPTION_GROUPS.selection,
  "Options:",
  OPTION_GROUPS.variables,
  OPTION_GROUPS.every,
];

/** Options that say little about one command, behind its others. */
const LAST: readonly string[] = ["parallelism", "lock-timeout", "json"];

/** Lays out the help of one command. */
export function layOut(command: Command, context: CommandContext): void {
  command.configureHelp({
    styleTitle: colours(context.terminal.out).strong,
    subcommandTerm: (below) =>
      [below.name(), ...below.registeredArguments.map((argument) => argumentUsage(argument))].join(" "),
    groupItems<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string) {
      const rank = (item: T): number => ORDER.indexOf(groupOf(item)) * 10 + LAST.indexOf(item.name());
      const ordered = (items: readonly T[]): T[] => [...items].sort((a, b) => rank(a) - rank(b));
      return new Help().groupItems(ordered(all), ordered(visible), groupOf);
    },
  });
}

function argumentUsage(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** What stands below the options. */
export function helpSections(help: CommandHelp, context: CommandContext): string {
  const { out } = context.terminal;
  const title = colours(out).strong;
  const width = helpWidth(out.columns);
  const sections = [`${title("Examples:")}\n${exampleLines(help.examples, width).join("\n")}`];
  if (help.exitCodes !== undefined) {
    sections.push(`${title("Exit codes:")}\n${definitionLines(help.exitCodes, width).join("\n")}`);
  }
  if (help.related !== undefined) {
    const names = help.related.map((name) => `vmlab ${name}`).join(", ");
    sections.push(`${title("See also:")} ${names}`);
  }
  return `\n${sections.join("\n\n")}`;
}

/** Terms with what they mean, in two columns. */
export function definitionLines(rows: readonly (readonly [string, string])[], width: number): string[] {
  const left = Math.max(...rows.map(([term]) => textWidth(term)));
  return rows.flatMap(([term, text]) =>
    wrapText(text, width - left - 4).map((line, index) => `  ${pad(index === 0 ? term : "", left)}  ${line}`),
  );
}

function exampleLines(examples: readonly Example[], width: number): string[] {
  const rows = examples.map(({ command, text }) => [command, text] as const);
  const left = Math.max(...rows.map(([command]) => textWidth(command)));
  const right = Math.max(...rows.map(([, text]) => textWidth(text)));
  if (left + right + 4 <= width) return definitionLines(rows, width);
  return rows.flatMap(([command, text]) => [
    `  ${command}`,
    ...wrapText(text, width - 6).map((line) => `      ${line}`),
  ]);
}
