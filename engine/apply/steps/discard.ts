/** --cleanup: a VM that never got ready is removed for good, its record too. */
import { forceStop } from "../quiet-call.ts";
import type { Run } from "../run.ts";
import { recordOf } from "./vm-target.ts";

export async function discard(run: Run, address: string): Promise<void> {
  const { instance } = recordOf(run, address);
  if (instance !== undefined) {
    await forceStop(run, instance);
    await run.providers.vm.remove(instance, {});
  }
  await run.keeper.commit({ kind: "resource", address, resource: null });
  run.workspace.events({ type: "note", address, text: "removed, as --cleanup asks" });
}
