/** start, stop and restart: one shape. */
import type { Command } from "commander";
import type { ApplyOutcome } from "../engine/apply/options.ts";
import type { Event } from "../engine/events.ts";
import { planPower } from "../engine/operate/power.ts";
import { DEFAULT_PLAN_OPTIONS } from "../engine/plan/options.ts";
import type { Plan } from "../engine/plan/types.ts";
import type { ResourceState } from "../engine/state/types.ts";
import { formatDuration } from "../engine/units.ts";
import { applied, exitCodeOf, planned, recoverFirst } from "./apply-run.ts";
import { type CommandContext, colours } from "./context.ts";
import { defineCommand, type Example } from "./define-command.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "./machine-selection.ts";
import { addVariableOptions, duration, positiveInteger } from "./plan-arguments.ts";
import { type Cell, renderTable } from "./render/table.ts";
import { runReporter } from "./run-reporter.ts";
import { type GivenVariables, openWorkspace } from "./workspace.ts";

type Verb = "start" | "stop" | "restart";

interface PowerOptions extends SelectionArguments, GivenVariables {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly parallelism: number;
  readonly lockTimeout: number;
}

export function definePower(
  context: CommandContext,
  verb: Verb,
  help: { readonly summary: string; readonly description: string; readonly examples: readonly Example[] },
): Command {
  const command = addSelectionOptions(defineCommand(context, verb, help));
  if (verb !== "start") command.option("-f, --force", "stop at once, as if the power failed");
  return addVariableOptions(command)
    .option(
      "--parallelism <n>",
      "most operations at a time",
      positiveInteger,
      DEFAULT_PLAN_OPTIONS.parallelism,
    )
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print events as JSON, one a line")
    .action(async (names: string[], options: PowerOptions) => {
      context.exitCode = await power(context, verb, names, options);
    });
}

async function power(
  context: CommandContext,
  verb: Verb,
  names: readonly string[],
  options: PowerOptions,
): Promise<number> {
  const json = options.json === true;
  const reporter = runReporter(context, { json });
  const durations = new Map<string, number>();
  const events = (event: Event): void => {
    if (event.type === "operation-finished" || event.type === "operation-failed") {
      const { address } = event.operation;
      durations.set(address, (durations.get(address) ?? 0) + event.durationMs);
    }
    reporter.events(event);
  };
  const workspace = await openWorkspace(context, options, events);
  const vms = chosenVms(await workspace.store.read(), names, options);
  await recoverFirst(context, reporter, workspace, { command: verb, lockTimeoutMs: options.lockTimeout });
  const plan = await planned(context, reporter, () =>
    planPower(
      workspace,
      verb,
      vms.map(({ name }) => name),
      { force: options.force === true },
    ),
  );
  if (plan.operations.length === 0 && plan.observations.length === 0) {
    if (!json) context.terminal.out.write(`${nothingToDo(verb, vms)}\n`);
    return 0;
  }
  const outcome = await applied(context, reporter, workspace, plan, {
    command: verb,
    parallelism: options.parallelism,
    lockTimeoutMs: options.lockTimeout,
  });
  if (!json && vms.length > 1)
    context.terminal.out.write(outcomeTable(context, verb, vms, plan, outcome, durations));
  return exitCodeOf(outcome);
}

const DONE: Readonly<Record<Verb, string>> = { start: "started", stop: "stopped", restart: "restarted" };
const ALREADY: Readonly<Record<Verb, string>> = { start: "running", stop: "stopped", restart: "restarted" };

function nothingToDo(verb: Verb, vms: readonly ResourceState[]): string {
  const [first] = vms;
  if (vms.length === 1 && first !== undefined) return `${first.name} is already ${ALREADY[verb]}.`;
  return `All ${vms.length} VMs are already ${ALREADY[verb]}.`;
}

function outcomeTable(
  context: CommandContext,
  verb: Verb,
  vms: readonly ResourceState[],
  plan: Plan,
  outcome: ApplyOutcome,
  durations: ReadonlyMap<string, number>,
): string {
  const { out } = context.terminal;
  const paint = colours(out);
  const failed = new Map(
    outcome.failures.map(({ address, diagnostics }) => [address, diagnostics[0]?.summary ?? ""]),
  );
  const skipped = new Map(outcome.skipped.map(({ address, because }) => [address, because]));
  const touched = new Set(plan.operations.map(({ address }) => address));
  const rows = vms.map(({ name, address }): Cell[] => {
    const failure = failed.get(address);
    const because = skipped.get(address);
    const result: Cell =
      failure !== undefined
        ? { text: "failed", paint: paint.error }
        : because !== undefined
          ? { text: "skipped", paint: paint.update }
          : { text: touched.has(address) ? DONE[verb] : `already ${ALREADY[verb]}`, paint: paint.good };
    const took = durations.get(address);
    return [name, result, took === undefined ? "" : formatDuration(took), failure ?? because ?? ""];
  });
  const lines = renderTable(
    [
      { header: "NAME", overflow: "cut-middle", least: 12 },
      { header: "RESULT" },
      { header: "TIME", align: "right" },
      { header: "WHY", overflow: "wrap", least: 20 },
    ],
    rows,
    { width: out.columns, header: paint.faint },
  );
  return `\n${lines.join("\n")}\n`;
}
