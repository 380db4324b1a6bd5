/** Questions before something happens. */
import { fail } from "../engine/diagnostics.ts";
import type { CommandContext } from "./context.ts";

/** True when the user says yes, or said so before. Without a terminal nothing prompts: it fails and names the option. */
export async function confirm(
  context: CommandContext,
  question: string,
  options: {
    readonly yes: boolean;
    readonly what: string;
    readonly json?: boolean;
    /** What stands above the question and tells what is asked: "the plan". */
    readonly shown?: string;
  },
): Promise<boolean> {
  if (options.yes) return true;
  const { terminal } = context;
  if (options.json === true) {
    fail({
      code: "cli/needs-confirmation",
      summary: `${options.what} asks before it changes anything, and --json cannot ask`,
      hint: "Look without --json, then add --yes.",
    });
  }
  if (!terminal.interactive) {
    fail({
      code: "cli/needs-confirmation",
      summary: `${options.what} asks before it changes anything, and there is no terminal to ask on`,
      hint:
        options.shown === undefined
          ? "Add --yes to go on without a question."
          : `Look at ${options.shown} above, then add --yes to go on without a question.`,
    });
  }
  const answer = await terminal.ask(`${question} [y/N] `);
  const yes = answer !== undefined && /^y(es)?$/i.test(answer);
  if (!yes) terminal.error.write("Nothing was changed.\n");
  return yes;
}

/** Before anything is done: a question in the middle of JSON would be unreadable. */
export function requireYesForJson(options: {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
}): void {
  if (options.json !== true || options.yes === true || options.autoApprove === true) return;
  fail({
    code: "cli/needs-confirmation",
    summary: "--json prints events and cannot ask",
    hint: "Add --yes.",
  });
}
