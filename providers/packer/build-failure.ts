/** What is said and kept of a build that failed. */
import { basename, join } from "node:path";
import {
  type Diagnostic,
  DiagnosticsError,
  errorText,
  fail,
  isDiagnosticsError,
  type Problem,
  problem,
  systemErrorCode,
} from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { plainText } from "../qemu/console-log.ts";
import type { BuildPlace } from "./build-place.ts";
import { buildProcesses } from "./build-processes.ts";
import { type BuildReport, keepFailureLog } from "./build-report.ts";
import type { PackerFailure, PackerOutcome } from "./run-packer.ts";
import { BUILD_FILES } from "./template.ts";

export interface FailedBuild {
  readonly address: string;
  readonly place: BuildPlace;
  readonly outcome: PackerOutcome;
  readonly failure: PackerFailure;
  readonly report: BuildReport;
  readonly keepOnFailure: boolean;
}

/** Keeps the log of what fails, and names it in the diagnostic. */
export async function withFailureLog<Result>(
  effects: Pick<Effects, "files" | "clock">,
  home: Home,
  address: string,
  report: BuildReport,
  use: () => Promise<Result>,
): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    const [first, ...rest] = diagnosticsOf(error, address, report);
    if (first === undefined) throw error;
    for (const line of [first.summary, ...(first.detail?.split("\n") ?? [])]) report.note(line);
    // Where the disk is full, the log may have no place either; then the message has to do.
    const log = await keepFailureLog(effects, home, address, report.text).catch(() => undefined);
    const detail = [
      ...(first.detail === undefined ? [] : [first.detail]),
      ...(log === undefined ? [] : [`The build's log: ${log}`]),
    ].join("\n");
    throw new DiagnosticsError([{ ...first, detail }, ...rest], { cause: error });
  }
}

/** None for what is no expected failure. */
function diagnosticsOf(error: unknown, address: string, report: BuildReport): readonly Diagnostic[] {
  if (isDiagnosticsError(error)) return error.diagnostics;
  const code = systemErrorCode(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return [];
  return [problem(noSpace(address, report, errorText(error)))];
}

function noSpace(address: string, report: BuildReport, detail: string): Problem {
  return {
    code: "image/no-space",
    summary: `${address}: the host's disk became full in ${report.stage}`,
    detail,
    hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`, and apply again.",
    address,
  };
}

/** Says which step failed and how, and what was kept. */
export async function failBuild(effects: Effects, home: Home, failed: FailedBuild): Promise<never> {
  const { address, place, outcome, failure, report, keepOnFailure } = failed;
  const kept = keepOnFailure ? await keepMachine(effects, place, outcome.port) : undefined;
  const detail = [failure.reason, ...(await evidence(effects, place, outcome, report)), ...(kept ?? [])].join(
    "\n",
  );
  const { free } = await effects.host.disk(home.root);
  if (free < FULL_BYTES) return fail(noSpace(address, report, detail));
  return fail({
    code: "image/build-step-failed",
    summary: `${address}: ${report.stage} failed`,
    detail,
    hint: failure.killed
      ? "Somebody or the system ended Packer: look for messages of the out-of-memory killer, and apply again."
      : keepOnFailure
        ? "Mend the step and apply again; what was done before is done anew."
        : "Mend the step and apply again. With --keep-on-failure, `vmlab images build` leaves the machine running for a look.",
    address,
  });
}

/** What the step printed; before the first one, the machine's console. */
async function evidence(
  effects: Pick<Effects, "files">,
  place: BuildPlace,
  outcome: PackerOutcome,
  report: BuildReport,
): Promise<readonly string[]> {
  if (report.tail.length > 0) return ["Its output ends with:", ...report.tail.map((line) => `  ${line}`)];
  if (outcome.begun.length > 0) return [];
  const console = await effects.files.readText(join(place.folder, BUILD_FILES.console)).catch(() => "");
  const lines = plainText(console)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-CONSOLE_LINES);
  return lines.length === 0 ? [] : ["The machine's console ends with:", ...lines.map((line) => `  ${line}`)];
}

const CONSOLE_LINES = 15;

/** Less than this free, and it is the disk that was the trouble. */
const FULL_BYTES = 64 * 1024 * 1024;

/** Leaves the machine to the user, when it runs. Resolves with how to get in and how to end it. */
async function keepMachine(
  effects: Effects,
  place: BuildPlace,
  port: number | undefined,
): Promise<readonly string[] | undefined> {
  const machine = (await buildProcesses(effects, place.id)).find(({ commandLine: [program = ""] }) =>
    basename(program).startsWith("qemu-system"),
  );
  if (machine === undefined || port === undefined) return undefined;
  await place.keep(machine);
  const key = join(place.folder, BUILD_FILES.key);
  return [
    "The machine was kept. To look into it:",
    `  ssh -i ${key} -p ${port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1`,
    `To end it: kill ${machine.pid}. What is left of it then goes with the next build.`,
  ];
}
