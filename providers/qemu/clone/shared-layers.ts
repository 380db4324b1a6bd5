/** Layers of disks that several VMs stand on: `VMLAB_HOME/layers/ID.qcow2`, which nobody writes to any more. */
import { join } from "node:path";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { readVmRecord, trashFolder, type VmFolder, vmFolder } from "../vm-folder.ts";

/** A guest may take a minute to stand still before its disk is frozen. */
const LOCK_MS = 5 * 60_000;

export function sharedLayerPath(home: Home, id: string): string {
  return join(home.layers, `${id}.qcow2`);
}

/** Nobody removes a layer, or makes one, while `action` runs. */
export async function holdingLayers<T>(effects: Effects, home: Home, action: () => Promise<T>): Promise<T> {
  return await withHostLock(effects, home, "layers", action, { timeoutMs: LOCK_MS });
}

/** Removes the layers that no VM stands on, those in the trash included. With a record that cannot be read, none. */
export async function removeUnusedLayers(effects: Effects, home: Home): Promise<void> {
  if ((await effects.files.list(home.layers)).length === 0) return;
  await holdingLayers(effects, home, async () => {
    const used = await usedLayers(effects, home);
    if (used === undefined) return;
    for (const file of await effects.files.list(home.layers)) {
      if (!used.has(file.replace(/\.qcow2$/, ""))) await effects.files.remove(join(home.layers, file));
    }
  });
}

/** Ids of layers that VMs stand on; undefined when a record cannot be read. */
async function usedLayers(effects: Effects, home: Home): Promise<ReadonlySet<string> | undefined> {
  const folders: VmFolder[] = [
    ...(await effects.files.list(home.vms)).map((id) => vmFolder(home, id)),
    ...(await effects.files.list(home.trash)).map((id) => trashFolder(home, id)),
  ];
  const used = new Set<string>();
  for (const folder of folders) {
    try {
      const vm = await readVmRecord(effects, folder);
      for (const layer of vm?.layers ?? []) if ("shared" in layer) used.add(layer.shared);
    } catch (error) {
      if (isDiagnosticsError(error)) return undefined;
      throw error;
    }
  }
  return used;
}
