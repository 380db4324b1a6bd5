/** A VM → an image of the store, while the lab's lock keeps everybody else from the VM. */
import type { ExportedImage, ExportOptions } from "../../providers/provider.ts";
import { type Diagnostic, isDiagnosticsError, problem } from "../diagnostics.ts";
import type { OperationLabel } from "../events.ts";
import { operationContext } from "../operation-context.ts";
import { durationKey, expectedDuration, readDurations, recordDurations } from "../plan/durations.ts";
import type { Workspace } from "../workspace.ts";
import { type MadeVm, requireMade } from "./require-made.ts";

export interface ExportRequest {
  /** Name of the VM. */
  readonly vm: string;
  readonly options: ExportOptions;
  readonly command: string;
  readonly lockTimeoutMs: number;
  /** Aborted by the first Ctrl-C: what was begun is undone. */
  readonly signal: AbortSignal;
  /** Called with the finished image, before the lock is given back. */
  readonly declare: (image: ExportedImage) => Promise<void>;
}

export type ExportOutcome =
  | { readonly state: "exported"; readonly image: ExportedImage }
  /** Also when it was interrupted; the events have told it. */
  | { readonly state: "failed"; readonly diagnostics: readonly Diagnostic[] };

export async function exportVm(workspace: Workspace, request: ExportRequest): Promise<ExportOutcome> {
  const locked = await workspace.store.lock(request.command, {
    timeoutMs: request.lockTimeoutMs,
    events: workspace.events,
    signal: request.signal,
  });
  try {
    const record = requireMade(await locked.read(), request.vm);
    const outcome = await run(workspace, request, record);
    if (outcome.state === "exported") await request.declare(outcome.image);
    return outcome;
  } finally {
    await locked.release();
  }
}

async function run(workspace: Workspace, request: ExportRequest, record: MadeVm): Promise<ExportOutcome> {
  const { effects, home, events, providers } = workspace;
  const { address } = record;
  const operation: OperationLabel = { id: `${address}:export`, address, step: "export", action: "export" };
  const key = durationKey(record.provider, "vm", "export", record.name);
  const estimateMs = expectedDuration(await readDurations(effects, home), key);
  const estimate = estimateMs === undefined ? {} : { estimateMs };
  const started = effects.clock.now();
  const context = operationContext(events, operation, request.signal);
  const ended = (failed: number): void =>
    events({
      type: "run-finished",
      result: { created: 1 - failed, updated: 0, replaced: 0, deleted: 0, failed, skipped: 0 },
      durationMs: effects.clock.now() - started,
    });
  events({ type: "run-started", operations: 1, ...estimate });
  events({ type: "operation-started", operation, ...estimate });
  try {
    // What an export or a build of a dead process left, here or in another lab.
    await providers.image.recover();
    const image = await providers.vm.exportImage(record.instance, request.options, context);
    const durationMs = effects.clock.now() - started;
    await recordDurations(effects, home, new Map([[key, [durationMs]]])).catch(() => undefined);
    events({ type: "operation-finished", operation, durationMs });
    ended(0);
    return { state: "exported", image };
  } catch (error) {
    const diagnostics = whyNot(error, address, request.signal);
    if (diagnostics === undefined) throw error;
    events({ type: "operation-failed", operation, durationMs: effects.clock.now() - started, diagnostics });
    ended(1);
    return { state: "failed", diagnostics };
  }
}

/** Undefined for what is a bug. */
function whyNot(error: unknown, address: string, signal: AbortSignal): readonly Diagnostic[] | undefined {
  if (isDiagnosticsError(error)) return error.diagnostics.map((diagnostic) => ({ address, ...diagnostic }));
  if (!signal.aborted) return undefined;
  return [
    problem({
      code: "apply/interrupted",
      address,
      summary: "the export was interrupted",
      detail: "Nothing was exported, and the VM is as it was.",
      hint: "Run the command again: it begins anew.",
    }),
  ];
}
