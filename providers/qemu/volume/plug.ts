/** A volume's disk in a machine: as QEMU is told of it at its start, and plugged and unplugged while it runs. */
import { fail } from "../../../engine/diagnostics.ts";
import type { Home } from "../../../engine/home.ts";
import type { AttachmentSpec } from "../../provider.ts";
import type { QmpConnection } from "../qmp.ts";
import { volumeFolder, volumeSerial } from "./volume-folder.ts";

/** A volume with what QEMU needs to open it. */
export interface VolumeDisk {
  readonly id: string;
  readonly serial: string;
  readonly path: string;
  readonly readonly: boolean;
}

export function volumeDisk(home: Home, { id, name, readonly }: AttachmentSpec): VolumeDisk {
  return { id, serial: volumeSerial(name), path: volumeFolder(home, id).disk, readonly };
}

/** Node name of the disk's format layer, for QMP. */
export function volumeNode(id: string): string {
  return `volume-${id}`;
}

function fileNode(id: string): string {
  return `${volumeNode(id)}-file`;
}

function deviceId(id: string): string {
  return `${volumeNode(id)}-device`;
}

/** Options of the two layers, lowest first, for -blockdev and blockdev-add. */
export function volumeLayers({ id, path, readonly }: VolumeDisk): Record<string, string | boolean>[] {
  const shared = { discard: "unmap", "read-only": readonly };
  return [
    { driver: "file", filename: path, "node-name": fileNode(id), ...shared },
    { driver: "qcow2", file: fileNode(id), "node-name": volumeNode(id), ...shared },
  ];
}

/** Options of the device, for -device and device_add. A full host disk pauses the machine (werror=enospc). */
export function volumeDevice({ id, serial }: VolumeDisk): Record<string, string> {
  return {
    driver: "virtio-blk-pci",
    drive: volumeNode(id),
    id: deviceId(id),
    serial,
    werror: "enospc",
    rerror: "report",
  };
}

export interface PluggedVolume {
  readonly id: string;
  readonly serial: string;
  readonly readonly: boolean;
}

/** The volumes that a running machine has. */
export async function pluggedVolumes(qmp: QmpConnection): Promise<readonly PluggedVolume[]> {
  const nodes = (await qmp.execute("query-named-block-nodes", { flat: true })) as {
    "node-name"?: string;
    ro?: boolean;
  }[];
  const devices = (await qmp.execute("qom-list", { path: "/machine/peripheral" })) as { name: string }[];
  const found: PluggedVolume[] = [];
  for (const { name } of devices) {
    const id = /^volume-([0-9a-f]{12})-device$/.exec(name)?.[1];
    if (id === undefined) continue;
    const serial = await qmp.execute("qom-get", { path: `/machine/peripheral/${name}`, property: "serial" });
    const readonly = nodes.find((node) => node["node-name"] === volumeNode(id))?.ro === true;
    found.push({ id, serial: String(serial), readonly });
  }
  return found;
}

export async function isPlugged(qmp: QmpConnection, id: string): Promise<boolean> {
  return (await nodeNames(qmp)).has(volumeNode(id));
}

/** Finishes what an earlier attempt began. */
export async function plug(qmp: QmpConnection, disk: VolumeDisk): Promise<void> {
  const nodes = await nodeNames(qmp);
  for (const layer of volumeLayers(disk))
    if (!nodes.has(String(layer["node-name"]))) await qmp.execute("blockdev-add", layer);
  await qmp.execute("device_add", volumeDevice(disk));
}

/** How often a guest that does not let go of a disk is asked once more. */
const ASK_EVERY_MS = 5_000;

/** The guest has to agree: its kernel gives the disk up, whether a file system in it is mounted or not. */
export async function unplug(
  qmp: QmpConnection,
  { id, serial }: Pick<PluggedVolume, "id" | "serial">,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly vm: string },
): Promise<void> {
  let forget: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    forget = qmp.onEvent(({ event, data }) => {
      if (event === "DEVICE_DELETED" && data.device === deviceId(id)) resolve();
    });
  });
  const asking = setInterval(() => void ask(qmp, id), ASK_EVERY_MS);
  try {
    await ask(qmp, id);
    const timeout = AbortSignal.timeout(options.timeoutMs);
    await Promise.race([gone, aborted(AbortSignal.any([timeout, options.signal]))]);
  } catch (error) {
    options.signal.throwIfAborted();
    fail(
      {
        code: "qemu/volume-not-released",
        address: `vm.${options.vm}`,
        summary: `the guest of ${options.vm} did not give up the disk ${serial} within ${Math.round(options.timeoutMs / 1000)} s`,
        hint: `Stop the VM, then apply again: vmlab stop ${options.vm}`,
      },
      error,
    );
  } finally {
    clearInterval(asking);
    forget();
  }
  const nodes = await nodeNames(qmp);
  for (const node of [volumeNode(id), fileNode(id)])
    if (nodes.has(node)) await qmp.execute("blockdev-del", { "node-name": node });
}

/** Refused while an earlier request is pending, and when the device is gone: the event tells. */
async function ask(qmp: QmpConnection, id: string): Promise<void> {
  await qmp.execute("device_del", { id: deviceId(id) }).catch(() => undefined);
}

async function nodeNames(qmp: QmpConnection): Promise<ReadonlySet<string>> {
  const nodes = (await qmp.execute("query-named-block-nodes", { flat: true })) as { "node-name"?: string }[];
  return new Set(nodes.flatMap((node) => node["node-name"] ?? []));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
