/** What the steps of one apply share. */
import type { CallContext, LabIdentity, Providers, VmSpec } from "../../providers/provider.ts";
import type { EvaluationContext } from "../config/evaluate-deferred.ts";
import type { Operation, Plan, PlannedResource } from "../plan/types.ts";
import type { ResourceState } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import type { PinWriter } from "./pin-writer.ts";
import type { RecordKeeper } from "./record-keeper.ts";
import type { LabLookups } from "./vm-spec.ts";

export interface Run {
  readonly workspace: Workspace;
  readonly plan: Plan;
  readonly keeper: RecordKeeper;
  readonly providers: Providers;
  readonly lab: LabIdentity;
  readonly evaluation: EvaluationContext;
  /** Takes secret values out of a text. */
  readonly mask: (text: string) => string;
  readonly pins: PinWriter;
  readonly lookups: LabLookups;
  /** The spec of a machine as recorded, as far as its sensitive values can be computed now. */
  readonly knownSpec: (record: ResourceState) => VmSpec;
}

/** One step: what it works on, and how it reports. */
export interface StepCall {
  readonly operation: Operation;
  /** Absent for removals. */
  readonly planned: PlannedResource | undefined;
  readonly context: CallContext;
}

/** A fresh instance id: 12 hex digits, from which the provider derives folder, UUID and file names. */
export function newInstanceId(run: Run): string {
  return run.workspace.effects.random.bytes(6).toString("hex");
}
