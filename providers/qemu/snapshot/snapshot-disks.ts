/** The disks that a snapshot is in: qcow2 files, each with a snapshot inside under the same name. */
import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject } from "../../../engine/json.ts";
import { UEFI_VARS_NODE } from "../command-line.ts";
import type { QemuContext } from "../context.ts";
import { QEMU_IMG } from "../programs.ts";
import { activeLayer, diskNode, type VmFolder, type VmRecord } from "../vm-folder.ts";
import { volumeNode } from "../volume/plug.ts";
import { volumeFolder } from "../volume/volume-folder.ts";

export interface SnapshotDisk {
  /** Node name in the machine. */
  readonly node: string;
  readonly path: string;
  /** What people call it. */
  readonly what: string;
}

/** The VM's own disk first, which holds the memory as well. */
export function snapshotDisks(
  { home }: QemuContext,
  folder: VmFolder,
  vm: VmRecord,
  volumes: readonly { readonly id: string; readonly name: string }[],
): readonly SnapshotDisk[] {
  return [
    { node: diskNode(vm), path: join(folder.root, activeLayer(vm)), what: "its disk" },
    ...(vm.uefiCode === undefined
      ? []
      : [{ node: UEFI_VARS_NODE, path: folder.uefiVars, what: "its UEFI variables" }]),
    ...volumes.map(({ id, name }) => ({
      node: volumeNode(id),
      path: volumeFolder(home, id).disk,
      what: `volume.${name}`,
    })),
  ];
}

export interface InnerSnapshot {
  readonly name: string;
  /** Bytes of memory; 0 for disks only. */
  readonly memory: number;
}

/** The snapshots inside a disk, which a running machine may have open. */
export async function innerSnapshots(effects: Effects, path: string): Promise<readonly InnerSnapshot[]> {
  const file = { driver: "file", filename: path };
  const shared = `json:${JSON.stringify({ driver: "qcow2", "force-share": true, file })}`;
  const info: unknown = JSON.parse(await qemuImg(effects, ["info", "--output=json", shared], path));
  const list = isJsonObject(info) && Array.isArray(info.snapshots) ? info.snapshots : [];
  return list
    .filter(isJsonObject)
    .map((one) => ({ name: String(one.name), memory: Number(one["vm-state-size"] ?? 0) }));
}

/** `create`, `apply` or `delete` of a snapshot inside a disk that nobody has open. */
export async function changeInner(
  effects: Effects,
  verb: "create" | "apply" | "delete",
  path: string,
  name: string,
): Promise<void> {
  const flag = { create: "-c", apply: "-a", delete: "-d" }[verb];
  await qemuImg(effects, ["snapshot", "-q", flag, name, path], path);
}

/** Fails, having changed nothing, while a machine writes to the disk: qemu-img takes QEMU's lock. */
export async function requireUnused(effects: Effects, path: string): Promise<void> {
  await qemuImg(effects, ["info", "-f", "qcow2", "--output=json", path], path);
}

async function qemuImg(effects: Effects, args: readonly string[], path: string): Promise<string> {
  const { code, stdout, stderr } = await effects.processes.run(QEMU_IMG, args, { ownGroup: true });
  if (code === 0) return stdout;
  if (/No space left|Disk quota exceeded/.test(stderr)) {
    fail({
      code: "host/disk-full",
      summary: "not enough disk space for the snapshot",
      detail: stderr.trim(),
      hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`.",
    });
  }
  return fail({
    code: "qemu/disk-image-failed",
    summary: `the snapshots of ${path} could not be read or changed`,
    detail: stderr.trim() || `qemu-img ended with ${code ?? "a signal"}.`,
    hint: /lock/.test(stderr)
      ? "Another VM uses it: see `vmlab list` of the labs on this host."
      : "`vmlab doctor` looks at the host.",
  });
}
