/** What the snapshot commands that change something share. */
import type { Diagnostic } from "../../engine/diagnostics.ts";
import type { SnapshotCall, SnapshotOutcome } from "../../engine/operate/snapshots/snapshot-run.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { Workspace } from "../../engine/workspace.ts";
import { recoverFirst } from "../apply-run.ts";
import type { CommandContext } from "../context.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { chosenVms, type SelectionArguments } from "../machine-selection.ts";
import { recorded } from "../operation-recorder.ts";
import { runReporter } from "../run-reporter.ts";
import { type GivenVariables, openWorkspace } from "../workspace.ts";

export interface SnapshotArguments extends SelectionArguments, GivenVariables {
  readonly lockTimeout: number;
  readonly json?: boolean;
}

export interface SnapshotWork {
  /** As people call it: `snapshot create`. */
  readonly command: string;
  /** The VMs that are meant, of those that were chosen; undefined ends the command. */
  readonly meant?: (
    vms: readonly ResourceState[],
    workspace: Workspace,
  ) => Promise<readonly ResourceState[] | undefined>;
  readonly work: (workspace: Workspace, call: SnapshotCall) => Promise<SnapshotOutcome>;
  /** What is said when all went well. */
  readonly said: (vms: readonly ResourceState[]) => string;
}

export async function runSnapshot(
  context: CommandContext,
  names: readonly string[],
  options: SnapshotArguments,
  { command, meant, work, said }: SnapshotWork,
): Promise<number> {
  const json = options.json === true;
  const reporter = runReporter(context, { json });
  const workspace = await openWorkspace(context, options, reporter.events);
  const chosen = chosenVms(await workspace.store.read(), names, options);
  const vms = meant === undefined ? chosen : await meant(chosen, workspace);
  if (vms === undefined) return 1;
  await recoverFirst(context, reporter, workspace, { command, lockTimeoutMs: options.lockTimeout });
  reporter.widen(vms.map(({ address }) => address));
  const interrupts = listenForInterrupts(context.terminal, reporter.say);
  const call: SnapshotCall = {
    vms: vms.map(({ name }) => name),
    command,
    lockTimeoutMs: options.lockTimeout,
    signal: interrupts.graceful,
  };
  await reporter.open();
  try {
    const outcome = await recorded(
      context,
      { kind: command, lab: workspace.lab, interrupts, events: reporter.events },
      (events) => work({ ...workspace, events }, call),
      (result) => ({ failures: failuresOf(result), interrupted: interrupts.graceful.aborted }),
    );
    if (outcome.state === "failed") return 1;
    reporter.close();
    if (!json) context.terminal.out.write(`\n${said(vms)}\n`);
    return 0;
  } finally {
    reporter.close();
    interrupts.release();
  }
}

function failuresOf(outcome: SnapshotOutcome): readonly Diagnostic[] {
  return outcome.state === "failed" ? outcome.diagnostics : [];
}

/** `web`, or `3 VMs`. */
export function namesOf(vms: readonly ResourceState[]): string {
  const [only] = vms;
  return vms.length === 1 && only !== undefined ? only.name : `${vms.length} VMs`;
}
