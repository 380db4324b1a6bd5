/** What of a VM's record belongs to the moment of a snapshot, and is kept with it. */
import type { JsonObject } from "../json.ts";
import type { ResourceState } from "./types.ts";

export type Remembered = Pick<ResourceState, "inputs" | "phase" | "provisioned" | "stepsDone">;

export function rememberedOf({ inputs, phase, provisioned, stepsDone }: ResourceState): JsonObject {
  return {
    inputs,
    phase,
    ...(provisioned === undefined ? {} : { provisioned }),
    ...(stepsDone === undefined ? {} : { stepsDone: [...stepsDone] }),
  };
}
