/** Which function carries out which step. */
import type { Step } from "../../plan/types.ts";
import type { Run, StepCall } from "../run.ts";
import { create } from "./create.ts";
import { generate } from "./generate.ts";
import { importMachine } from "./import-machine.ts";
import { disconnect, network } from "./network.ts";
import { obtain } from "./obtain.ts";
import { pause, ready, resume, start, stop, suspend } from "./power.ts";
import { provision } from "./provision.ts";
import { forget, remove } from "./remove.ts";
import { retire } from "./replacement.ts";
import { snapshot } from "./snapshot.ts";
import { recordInputs, update } from "./update.ts";
import { allocate, detach, grow, trash } from "./volume.ts";

export const STEPS: Readonly<Record<Step, (run: Run, call: StepCall) => Promise<void>>> = {
  generate,
  obtain,
  network,
  disconnect,
  allocate,
  grow,
  trash,
  create,
  detach,
  start,
  ready,
  provision,
  stop,
  snapshot,
  pause,
  suspend,
  resume,
  update,
  retire,
  delete: remove,
  forget,
  record: recordInputs,
  // All moves are made before the first operation runs (recordMoves): nothing may meet a former address.
  import: importMachine,
  move: async () => undefined,
};
