import { fail } from "../../../engine/diagnostics.ts";
import type { Effects, RunOptions, RunResult } from "../../../engine/effects.ts";

/** Lines of output that a failure shows. */
const TAIL_LINES = 15;

/** Runs one tool of a build; anything but exit code 0 ends the build with the tail of what the tool said. */
export async function runTool(
  effects: Pick<Effects, "processes">,
  program: string,
  args: readonly string[],
  options: RunOptions & { readonly address: string; readonly doing: string; readonly hint?: string },
): Promise<RunResult> {
  const { address, doing, hint, ...run } = options;
  const result = await effects.processes.run(program, args, { ownGroup: true, ...run });
  if (result.code === 0) return result;
  const said = `${result.stdout}\n${result.stderr}`.split("\n").filter((line) => line.trim() !== "");
  const how =
    result.code === null
      ? `was ended by ${result.signal ?? "a time-out"}`
      : `ended with exit code ${result.code}`;
  fail({
    code: "image/build-failed",
    summary: `${address}: ${doing} failed`,
    detail: [`${program} ${how}:`, ...said.slice(-TAIL_LINES).map((line) => `  ${line}`)].join("\n"),
    ...(hint === undefined ? {} : { hint }),
    address,
  });
}
