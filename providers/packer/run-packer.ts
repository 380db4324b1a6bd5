/** Runs Packer in a build's folder and tells what it does. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import { buildMark } from "./build-processes.ts";
import type { BuildReport } from "./build-report.ts";
import type { BuildScript } from "./build-scripts.ts";
import { packerEvents } from "./machine-readable.ts";
import { type PackerProgram, QUIET } from "./packer-program.ts";

export interface PackerRun {
  readonly packer: PackerProgram;
  /** The build's mark. */
  readonly id: string;
  /** Packer's working folder; everything that it makes lies there. */
  readonly folder: string;
  /** For its sockets, whose paths may have no more than some 100 characters. */
  readonly temporary: string;
  /** Name of the template in the folder. */
  readonly template: string;
  /** Further environment: variables for a template of the user's. */
  readonly env: Readonly<Record<string, string>>;
  readonly scripts: readonly BuildScript[];
  readonly report: BuildReport;
  readonly signal: AbortSignal;
}

export interface PackerOutcome {
  /** Scripts that were begun, by path, in order. */
  readonly begun: readonly string[];
  /** Port of 127.0.0.1 that leads to the guest, once it is known. */
  readonly port?: number;
  readonly failure?: PackerFailure;
}

export interface PackerFailure {
  /** What Packer says, or how it ended. */
  readonly reason: string;
  /** True when Packer was killed rather than ended by itself. */
  readonly killed: boolean;
}

/** Stages of the report before the first script. */
export const STAGES_BEFORE_SCRIPTS = 1;

/** Runs Packer to its end. After a failure, the machine and all of Packer's files are still there. */
export async function runPacker(effects: Pick<Effects, "processes">, run: PackerRun): Promise<PackerOutcome> {
  const { report, scripts } = run;
  const begun: string[] = [];
  const errors: string[] = [];
  let port: number | undefined;
  const take = (line: string): void => {
    for (const event of packerEvents(line)) {
      switch (event.kind) {
        case "port":
          port = event.port;
          break;
        case "script": {
          begun.push(event.path);
          const index = scripts.findIndex(({ path }) => path === event.path);
          if (index >= 0) report.begin(STAGES_BEFORE_SCRIPTS + index);
          break;
        }
        case "error":
          errors.push(event.text);
          report.note(`Packer: ${event.text}`);
          break;
        case "said":
          report.note(event.text);
          break;
        case "output":
          report.output(event.text);
          break;
        case "connected":
        case "halting":
          report.note(event.kind === "halting" ? "Shutting down" : "Logged in");
          break;
      }
    }
  };
  const { code, signal: endedBy } = await effects.processes.run(
    run.packer.path,
    [
      ...["build", "-machine-readable", "-color=false"],
      // Whoever called clears everything away: what a failure left is evidence until then.
      "-on-error=abort",
      run.template,
    ],
    {
      cwd: run.folder,
      env: {
        ...QUIET,
        ...run.env,
        ...buildMark(run.id),
        PACKER_CACHE_DIR: join(run.folder, "cache"),
        TMPDIR: run.temporary,
      },
      ownGroup: true,
      signal: run.signal,
      onLine: take,
    },
  );
  return {
    begun,
    ...(port === undefined ? {} : { port }),
    ...(code === 0 ? {} : { failure: failureOf(code, endedBy, errors) }),
  };
}

function failureOf(
  code: number | null,
  endedBy: string | undefined,
  errors: readonly string[],
): PackerFailure {
  if (code === null) return { reason: `Packer was ended by ${endedBy ?? "a signal"}.`, killed: true };
  const said = errors.at(-1);
  if (said === undefined) return { reason: `Packer ended with exit code ${code}.`, killed: false };
  const status = /^Script exited with non-zero exit status: (\d+)/.exec(said)?.[1];
  return { reason: status === undefined ? said : `It ended with exit code ${status}.`, killed: false };
}
