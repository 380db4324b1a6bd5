/** From the disk as it shall be to the one file that goes into the store: merged, compressed, compared, checked. */
import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import { relativeBacking } from "../../images/qcow2-backing.ts";
import { linkParent } from "../../packer/layer-chain.ts";
import type { ExportOptions } from "../../provider.ts";
import { QEMU_IMG } from "../programs.ts";
import { type DiskWork, qemuImg } from "./disk-tools.ts";

export interface FinishedDisk {
  /** A qcow2 whose view, through all its layers, is what the image shall hold. Nobody writes to it. */
  readonly view: string;
  /** The image to stand on: its digest, and the path of its disk. Undefined: stands alone. */
  readonly parent: { readonly digest: string; readonly path: string } | undefined;
  readonly compress: ExportOptions["compress"];
  /** Folder for what is needed on the way. */
  readonly folder: string;
  /** Where the finished file is to be, in a folder below `folder`, as it will lie in a folder of the store. */
  readonly target: string;
}

export async function finishDisk(work: DiskWork, disk: FinishedDisk): Promise<void> {
  const { effects } = work;
  const { view, parent, target } = disk;
  if (parent === undefined) await copy(work, view, disk, []);
  else {
    const difference = await differenceFrom(work, disk, parent.path);
    // The path that the file will have in the store, beside its parent's folder: right here too, by this link.
    await linkParent(effects, disk.folder, parent.digest);
    const backing = relativeBacking(parent.digest);
    await copy(work, difference, disk, [`backing_file=${backing}`, "backing_fmt=qcow2"]);
    await effects.files.remove(difference);
  }
  await compare(work, view, target);
  await qemuImg(work, "checking the image", ["check", "-q", "-f", "qcow2", target]);
}

/** A layer over `base` that makes it look like the view. What is equal in both is not in it, whoever wrote it. */
async function differenceFrom(work: DiskWork, { view, folder }: FinishedDisk, base: string): Promise<string> {
  const difference = join(folder, "difference.qcow2");
  await qemuImg(work, "merging the layers", [
    ...["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", view, difference],
  ]);
  await qemuImg(work, "merging the layers", [
    ...["rebase", "-p", "-f", "qcow2", "-F", "qcow2", "-b", base, difference],
  ]);
  return difference;
}

async function copy(
  work: DiskWork,
  source: string,
  { compress, target }: FinishedDisk,
  options: readonly string[],
): Promise<void> {
  const all = [...options, ...(compress === "none" ? [] : [`compression_type=${compress}`])];
  await qemuImg(work, compress === "none" ? "writing the image" : `compressing with ${compress}`, [
    ...["convert", "-p", "-f", "qcow2", "-O", "qcow2"],
    // Its default leaves the bytes to the kernel's mercy; ours are to be on the disk before their digest counts.
    ...["-t", "writeback"],
    // Clusters are packed side by side and written as they get ready.
    ...(compress === "none" ? [] : ["-c", "-m", "8", "-W"]),
    ...(all.length === 0 ? [] : ["-o", all.join(",")]),
    source,
    target,
  ]);
}

/** Reads both through all their layers: what a guest would see must be the same to the byte. */
async function compare(work: DiskWork, view: string, target: string): Promise<void> {
  const { effects, call, address, env } = work;
  call.progress("comparing the image with its source");
  const args = ["compare", "-q", "-f", "qcow2", "-F", "qcow2", view, target];
  const { code, stdout, stderr } = await effects.processes.run(QEMU_IMG, args, {
    signal: call.signal,
    env,
    ownGroup: true,
  });
  if (code === 0) return;
  fail({
    code: "image/export-differs",
    address,
    summary: "the finished image does not hold what it was made of",
    detail: [stdout, stderr].join("\n").trim() || "qemu-img compare finds a difference.",
    hint: "Nothing was exported. A disk that returns other bytes than were written to it does this: look at the host's kernel log.",
  });
}
