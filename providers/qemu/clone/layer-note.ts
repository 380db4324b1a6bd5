/** layer.json in a VM's folder: the machine is being made to go on in a new layer, which a crash leaves to be finished. */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { readOwnedNote, writeOwnedNote } from "../owned-note.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import {
  activeLayer,
  nodeOf,
  readRuntime,
  readVmRecord,
  unlessDamaged,
  type VmFolder,
} from "../vm-folder.ts";
import { holdingLayers, removeUnusedLayers } from "./shared-layers.ts";

export interface LayerNote {
  /** File names in the VM's folder: of the layer that is frozen, and of the one that is written from then on. */
  readonly before: string;
  readonly file: string;
  /** Id of the frozen layer. */
  readonly shared: string;
}

const QMP_MS = 30_000;

export async function writeLayerNote(effects: Effects, folder: VmFolder, note: LayerNote): Promise<void> {
  await writeOwnedNote(effects, folder.layerNote, note);
}

/** The running machine writes to the new layer when this resolves. One that does already is no error. */
export async function switchMachine(
  effects: Effects,
  folder: VmFolder,
  { before, file }: LayerNote,
): Promise<void> {
  await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, async (qmp) => {
    const nodes = await nodeNames(qmp);
    const overlay = nodeOf(file);
    if (await isAttached(qmp, overlay)) return;
    // QEMU would put a layer over any node, also one that nobody writes to.
    if (!(await isAttached(qmp, nodeOf(before)))) throw new Error(`the machine does not write to ${before}`);
    const layer = { driver: "file", filename: join(folder.root, file), discard: "unmap" };
    if (!nodes.has(`${overlay}-file`))
      await qmp.execute("blockdev-add", { ...layer, "node-name": `${overlay}-file` });
    // What lies below it is there already, open in the machine.
    const disk = { driver: "qcow2", file: `${overlay}-file`, backing: null, discard: "unmap" };
    if (!nodes.has(overlay)) await qmp.execute("blockdev-add", { ...disk, "node-name": overlay });
    await qmp.execute("blockdev-snapshot", { node: nodeOf(before), overlay });
    if (!(await isAttached(qmp, overlay))) throw new Error(`the machine does not write to ${file}`);
  });
}

/** Finishes what was begun, or takes it back where the record does not name the new layer yet. Holding the layers. */
export async function settleSwitch(context: QemuContext, folder: VmFolder, note: LayerNote): Promise<void> {
  const { effects } = context;
  const vm = await unlessDamaged(readVmRecord(effects, folder));
  if (vm !== undefined) {
    if (activeLayer(vm) === note.file) {
      const machine = await findMachine(effects, folder, await unlessDamaged(readRuntime(effects, folder)));
      if (machine !== undefined) await switchMachine(effects, folder, note);
      // The frozen layer needs no name in the VM's folder any more.
      await effects.files.remove(join(folder.root, note.before));
    } else await effects.files.remove(join(folder.root, note.file));
  }
  await effects.files.remove(folder.layerNote);
}

/** Settles what a vmlab that died had begun. */
export async function endAbandonedSwitch(context: QemuContext, folder: VmFolder): Promise<void> {
  const { effects, home } = context;
  await holdingLayers(effects, home, async () => {
    // Another may have settled it, and begun anew, before this one's turn.
    const found = await readOwnedNote(effects, folder.layerNote);
    if (!found?.abandoned) return;
    const note = layerNote(found.says);
    if (note === undefined) await effects.files.remove(folder.layerNote);
    else await settleSwitch(context, folder, note);
  });
  await removeUnusedLayers(effects, home);
}

async function nodeNames(qmp: QmpConnection): Promise<ReadonlySet<string>> {
  const nodes = (await qmp.execute("query-named-block-nodes", { flat: true })) as { "node-name"?: string }[];
  return new Set(nodes.map((node) => node["node-name"] ?? ""));
}

/** Whether the guest's disk writes to this node. */
async function isAttached(qmp: QmpConnection, node: string): Promise<boolean> {
  const devices = (await qmp.execute("query-block")) as { inserted?: { "node-name"?: string } }[];
  return devices.some(({ inserted }) => inserted?.["node-name"] === node);
}

function layerNote(says: JsonObject | undefined): LayerNote | undefined {
  const sound =
    says !== undefined && [says.before, says.file, says.shared].every((one) => typeof one === "string");
  return sound ? (says as unknown as LayerNote) : undefined;
}
