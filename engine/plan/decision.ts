/** What planning decides about one resource, before operations are numbered and wired. */
import type { Diagnostic } from "../diagnostics.ts";
import type {
  Action,
  AttributeChange,
  DataLoss,
  ObservedUpdate,
  PlanNote,
  PlannedResource,
  Reason,
  Step,
} from "./types.ts";

export interface Decision {
  readonly action: Action;
  readonly summary: string;
  readonly reasons: readonly Reason[];
  readonly attributes: readonly AttributeChange[];
  /** In order; each waits for the one before. */
  readonly steps: readonly Step[];
  /** What the steps carry out; absent for deletions. */
  readonly planned?: PlannedResource;
  readonly observed?: ObservedUpdate;
  readonly notes: readonly PlanNote[];
  readonly dataLoss: readonly DataLoss[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Nothing to do; the base that other decisions are written over. */
export const NO_CHANGE: Decision = {
  action: "no-op",
  summary: "",
  reasons: [],
  attributes: [],
  steps: [],
  notes: [],
  dataLoss: [],
  diagnostics: [],
};
