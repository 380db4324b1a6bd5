/** Runs that go on when the terminal closes: another vmlab carries out what this one has shown and asked about. */
import { resolve } from "node:path";
import type { Lab } from "../engine/config/types.ts";
import { errorText, fail, isDiagnosticsError, problem } from "../engine/diagnostics.ts";
import { dropAlerts } from "../engine/host/operations/alert.ts";
import { placesOf } from "../engine/host/operations/places.ts";
import { ownMark } from "../engine/host/operations/process-mark.ts";
import { isUnderWay, type OperationRecord } from "../engine/host/operations/record.ts";
import { createOperation, readOperation, writeOperation } from "../engine/host/operations/store.ts";
import { writeSavedPlan } from "../engine/plan/saved-plan.ts";
import type { Plan } from "../engine/plan/types.ts";
import { withoutValues } from "./command-words.ts";
import type { CommandContext } from "./context.ts";
import { showDiagnostics } from "./show-diagnostics.ts";
import type { GivenVariables } from "./workspace.ts";

export interface DetachedRun {
  /** `apply`, `images build`, … */
  readonly kind: string;
  readonly lab: Lab;
  readonly plan: Plan;
  readonly given: GivenVariables;
  readonly parallelism: number;
  readonly lockTimeoutMs: number;
  readonly json: boolean;
}

/** How long another vmlab may take to read the lab and the plan; then something is wrong. */
const BEGIN_DEADLINE_MS = 60_000;
const LOOK_MS = 50;

/** Hands the plan to a vmlab in the background. Resolves with the exit code once that has begun. */
export async function detach(context: CommandContext, run: DetachedRun): Promise<number> {
  const { effects, home, folder } = context;
  const [program, ...before] = context.program ?? [];
  if (program === undefined) throw new Error("nobody told how this vmlab was started");
  const { estimateMs } = run.plan;
  const { id } = await createOperation(
    effects,
    home,
    {
      kind: run.kind,
      command: withoutValues(context.argv ?? []),
      lab: { name: run.lab.name, folder },
      detached: true,
      process: await ownMark(effects),
      started: effects.clock.now(),
      ...(estimateMs === undefined ? {} : { estimateMs }),
      total: run.plan.operations.length,
    },
    { state: "starting" },
  );
  const places = placesOf(home, id);
  let pid: number | undefined;
  try {
    await writeSavedPlan(effects, places.plan, withoutVariableFiles(context, run));
    const seconds = Math.ceil(run.lockTimeoutMs / 1000);
    const args = ["-C", folder, "apply", places.plan, "--operation", id];
    args.push("--parallelism", String(run.parallelism), "--lock-timeout", `${seconds}s`);
    pid = await effects.processes.startDetached(program, [...before, ...args], {
      logFile: places.output,
      env: { ...variablesOf(effects.host.env), ...variablesFor(run), VMLAB_HOME: home.root },
    });
    await begun(context, id, pid);
  } catch (error) {
    // What this command says has failed must not begin later.
    if (pid !== undefined) await effects.processes.signal(pid, "SIGTERM").catch(() => false);
    await endBeforeBegin(context, id, error);
    throw error;
  }
  return await tell(context, id, run.json);
}

/**
 * Becomes the process that carries out an operation which another vmlab made, and does `work` as that. A failure before
 * the run starts is kept for the vmlab that waits to hear of the beginning.
 */
export async function asOperation<T>(
  context: CommandContext,
  id: string,
  work: (context: CommandContext) => Promise<T>,
): Promise<T> {
  const { effects, home } = context;
  const found = /^op-[0-9a-f]{6}$/.test(id) ? await readOperation(effects, home, id) : undefined;
  if (found === undefined || found.state !== "starting") {
    return fail({
      code: "ops/not-startable",
      summary: `there is no operation ${id} that waits to be started`,
      hint: '--operation is for the process that "vmlab apply --detach" starts.',
    });
  }
  const operation: OperationRecord = { ...found, process: await ownMark(effects) };
  await writeOperation(effects, home, operation);
  try {
    return await work({ ...context, operation });
  } catch (error) {
    await endBeforeBegin(context, id, error);
    throw error;
  }
}

/** Resolves once the other vmlab has begun, or has come to its end already. */
async function begun(context: CommandContext, id: string, pid: number): Promise<void> {
  const { effects, home } = context;
  const deadline = effects.clock.now() + BEGIN_DEADLINE_MS;
  for (;;) {
    const alive = (await effects.processes.identify(pid)) !== undefined;
    const record = await readOperation(effects, home, id);
    if (record !== undefined && record.state !== "starting") return;
    if (!alive) await failBeginning(context, id, "its process ended at once");
    if (effects.clock.now() > deadline) {
      await failBeginning(context, id, `it did not begin within ${BEGIN_DEADLINE_MS / 1000} s`);
    }
    await effects.clock.sleep(LOOK_MS);
  }
}

async function failBeginning(context: CommandContext, id: string, why: string): Promise<never> {
  const { output } = placesOf(context.home, id);
  const said = await context.effects.files.readText(output).catch(() => "");
  return fail({
    code: "ops/not-begun",
    summary: `the run in the background was not begun: ${why}`,
    ...(said.trim() === "" ? {} : { detail: lastLines(said) }),
    hint: "Nothing was changed. Run the command again without --detach to see more.",
  });
}

async function tell(context: CommandContext, id: string, json: boolean): Promise<number> {
  const { effects, home, terminal } = context;
  const record = await readOperation(effects, home, id);
  if (record === undefined) throw new Error(`the record of ${id} is gone`);
  const underWay = isUnderWay(record);
  if (json) terminal.out.write(`${JSON.stringify({ operation: id, state: record.state })}\n`);
  else if (underWay) terminal.out.write(hints(id));
  else terminal.out.write(`\n${id} has ended already: ${record.state}. See "vmlab ops show ${id}".\n`);
  if (isUnderWay(record) || record.state === "finished") return 0;
  await showDiagnostics(record.failures, context);
  await dropAlerts(effects, home, id);
  return 1;
}

function hints(id: string): string {
  return [
    "",
    `${id} runs in the background, also when this terminal closes.`,
    "  vmlab ops --watch              how far it is",
    `  vmlab ops logs ${id} -f    what it does`,
    `  vmlab ops cancel ${id}     stop it`,
    "",
  ].join("\n");
}

/** A record that nobody has taken over, or that failed before its run started, ends here. */
async function endBeforeBegin(context: CommandContext, id: string, error: unknown): Promise<void> {
  const { effects, home } = context;
  const record = await readOperation(effects, home, id);
  if (record?.state !== "starting") return;
  const failures = isDiagnosticsError(error)
    ? error.diagnostics
    : [problem({ code: "internal/bug", summary: errorText(error) })];
  const ended = effects.clock.now();
  await writeOperation(effects, home, { ...record, state: "failed", ended, exitCode: 1, failures });
  await effects.files.remove(placesOf(home, id).plan);
}

/**
 * Variables that were given to this command reach the other through its environment: arguments can be read by everybody
 * on the host.
 */
function variablesFor(run: DetachedRun): Record<string, string> {
  const { var: assignments = [], varFile = [] } = run.given;
  if (assignments.length === 0 && varFile.length === 0) return {};
  return Object.fromEntries(
    Object.entries(run.lab.variables).map(([name, { value }]) => [
      `VMLAB_VAR_${name}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** Values of variables in this environment, which no other program sees. */
function variablesOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      name.startsWith("VMLAB_VAR_") && value !== undefined ? [[name, value]] : [],
    ),
  );
}

/** The values are handed over, so a file they came from (it may be a pipe) need not be there any more. */
function withoutVariableFiles(context: CommandContext, run: DetachedRun): Plan {
  const files = new Set((run.given.varFile ?? []).map((path) => resolve(context.terminal.cwd, path)));
  const sources = run.plan.sources.filter(({ path }) => !files.has(resolve(context.folder, path)));
  return { ...run.plan, sources };
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-20).join("\n");
}
