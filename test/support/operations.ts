/** Events and records of long operations, for tests. */
import { nodeEffects } from "../../engine/effects-node.ts";
import type { Event, OperationLabel } from "../../engine/events.ts";
import type { Home } from "../../engine/home.ts";
import { ownMark } from "../../engine/host/operations/process-mark.ts";
import type { OperationFacts, OperationRecord, OperationStage } from "../../engine/host/operations/record.ts";
import { createOperation } from "../../engine/host/operations/store.ts";
import { NOON } from "./test-clock.ts";

const real = nodeEffects();

export const label = (address: string, step: string): OperationLabel => ({
  id: `${address}:${step}`,
  address,
  step,
  action: "create",
});
export const started = (address: string, step: string, estimateMs?: number): Event => ({
  type: "operation-started",
  operation: label(address, step),
  ...(estimateMs === undefined ? {} : { estimateMs }),
});
export const finished = (address: string, step: string): Event => ({
  type: "operation-finished",
  operation: label(address, step),
  durationMs: 5,
});

/** A record as a running vmlab of this process would make it. */
export async function operation(
  home: Home,
  facts: Partial<OperationFacts> = {},
  stage: OperationStage = { state: "running" },
): Promise<OperationRecord> {
  return await createOperation(
    real,
    home,
    {
      kind: "apply",
      command: ["apply"],
      lab: { name: "demo", folder: "/labs/demo" },
      detached: false,
      process: await ownMark(real),
      started: NOON,
      ...facts,
    },
    stage,
  );
}
