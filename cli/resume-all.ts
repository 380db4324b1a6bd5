/** `vmlab start --resume-all`: what ran on this host when it went down runs again, whatever lab it belongs to. */
import { isDiagnosticsError } from "../engine/diagnostics.ts";
import { type LedgerLab, readLedger } from "../engine/host/labs.ts";
import { vmsOf } from "../engine/operate/select.ts";
import { isOff } from "../engine/state/is-off.ts";
import { isUnfinished } from "../engine/state/is-unfinished.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import type { VmProvider } from "../providers/provider.ts";
import { type CommandContext, colours } from "./context.ts";
import { listenForInterrupts } from "./interrupt.ts";
import { type PowerOutcome, runPower } from "./power-run.ts";
import { powerTable } from "./render/power-table.ts";
import { reportProblem } from "./report-problem.ts";
import { runReporter } from "./run-reporter.ts";
import { showDiagnostics } from "./show-diagnostics.ts";
import { openMachines } from "./workspace.ts";

interface ResumeAllOptions {
  readonly json: boolean;
  readonly parallelism: number;
  /** Milliseconds, for each lab. */
  readonly lockTimeoutMs: number;
}

type Row = PowerOutcome & { readonly lab: string };

/** Labs come one after the other: what limits the boots at a time counts those of one lab. */
export async function resumeAll(context: CommandContext, options: ResumeAllOptions): Promise<number> {
  const { effects, home, terminal } = context;
  const ledger = await readLedger(effects, home);
  await showDiagnostics(ledger.diagnostics, context);
  const host = await effects.host.hostId();
  const interrupts = listenForInterrupts(terminal, () => {});
  const rows: Row[] = [];
  let failed = ledger.diagnostics.length > 0;
  try {
    for (const lab of ledger.labs) {
      if (lab.host !== host || interrupts.graceful.aborted) continue;
      if (!Object.values(lab.reservations).some(({ running }) => running)) continue;
      const run = await resumeLab({ ...context, folder: lab.folder }, lab, options);
      rows.push(...run.outcomes.map((outcome) => ({ ...outcome, lab: lab.name })));
      failed ||= run.exitCode !== 0;
    }
    failed ||= interrupts.graceful.aborted;
  } finally {
    interrupts.release();
  }
  if (!options.json) {
    const { out } = terminal;
    const table = powerTable("start", rows, { palette: colours(out), width: out.columns });
    out.write(
      rows.length === 0
        ? "Every VM that ran on this host runs, or was stopped on request.\n"
        : `\n${table.join("\n")}\n`,
    );
  }
  return failed ? 1 : 0;
}

/** What goes wrong in one lab is told, and keeps no other from coming back. */
async function resumeLab(
  context: CommandContext,
  { name, folder }: LedgerLab,
  { json, parallelism, lockTimeoutMs }: ResumeAllOptions,
): ReturnType<typeof runPower> {
  const { out } = context.terminal;
  try {
    // Most labs need nothing, and not the values of their variables for that either.
    const { state, providers } = await openMachines(context);
    if (state === undefined || (!isUnfinished(state) && (await goneDown(state, providers.vm)).length === 0))
      return { outcomes: [], exitCode: 0 };
    return await runPower(context, runReporter(context, { json, lab: name }), {
      ...{ verb: "start", force: false, parallelism, lockTimeoutMs, given: {}, json },
      choose: async (state, provider) => {
        const vms = await goneDown(state, provider);
        if (vms.length > 0 && !json) out.write(`Lab ${name} (${folder})\n`);
        return vms;
      },
    });
  } catch (error) {
    await reportProblem(error, context);
    const why = isDiagnosticsError(error) ? error.diagnostics[0]?.summary : undefined;
    return { outcomes: [{ name: "", result: "failed", why: why ?? "see above" }], exitCode: 1 };
  }
}

/** Machines that ended without a shutdown, and that nobody wants to be off. */
async function goneDown(state: State | undefined, provider: VmProvider): Promise<readonly ResourceState[]> {
  const vms = vmsOf(state).filter(({ powerOverride }) => !isOff(powerOverride));
  const found = await provider.read(vms.flatMap(({ instance }) => instance ?? []));
  return vms.filter(({ instance }) => {
    const observation = found.get(instance ?? "");
    return observation?.state === "stopped" && !observation.clean;
  });
}
