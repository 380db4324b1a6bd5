/** After a crash: a volume that was being made or removed. */
import type { Intent } from "../state/types.ts";
import type { Run } from "./run.ts";
import { volumeToTrash } from "./steps/volume.ts";

export async function settleVolume(run: Run, intent: Intent): Promise<"finished" | "undone"> {
  const { operation, address, instance = "", record } = intent;
  const { keeper, providers } = run;
  if (intent.step === "trash" && record !== undefined) {
    await volumeToTrash(run, record);
    await keeper.commit({ kind: "done", operation, address, resource: null });
    return "finished";
  }
  const found = (await providers.volume.read([instance])).get(instance);
  if (found?.state === "present" && record !== undefined) {
    const attributes = { ...record.attributes, ...found.attributes };
    await keeper.commit({ kind: "done", operation, address, resource: { ...record, attributes } });
    return "finished";
  }
  await providers.volume.remove(instance, {});
  await keeper.commit({ kind: "abandoned", operation });
  return "undone";
}
