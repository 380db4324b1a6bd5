/** Disk images through qemu-img. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { QEMU_IMG } from "./programs.ts";

export interface DiskInfo {
  readonly format: string;
  /** Bytes. */
  readonly virtualSize: number;
}

/** Format and size of an image; running machines may have it open. */
export async function diskInfo(effects: Effects, path: string): Promise<DiskInfo> {
  const text = await qemuImg(effects, ["info", "-U", "--output=json", path], `${path} cannot be read`);
  const info = JSON.parse(text) as { format: string; "virtual-size": number };
  return { format: info.format, virtualSize: info["virtual-size"] };
}

/**
 * An empty qcow2 layer of `size` bytes over `base`, mode 0600: what a guest is given ends up in it. `busy`: a machine
 * writes to the base, which is not looked into then.
 */
export async function createOverlay(
  effects: Effects,
  path: string,
  base: { readonly path: string; readonly format: string; readonly busy?: boolean },
  size: number,
): Promise<void> {
  const unseen = base.busy === true ? ["-u"] : [];
  const args = [
    "create",
    "-q",
    ...unseen,
    "-f",
    "qcow2",
    "-F",
    base.format,
    "-b",
    base.path,
    path,
    String(size),
  ];
  await qemuImg(effects, args, `the disk ${path} cannot be made`);
  await effects.files.chmod(path, 0o600);
}

/** An empty qcow2 disk of `size` bytes. */
export async function createDisk(effects: Effects, path: string, size: number): Promise<void> {
  const args = ["create", "-q", "-f", "qcow2", path, String(size)];
  await qemuImg(effects, args, `the disk ${path} cannot be made`);
}

/** Grows a disk that no machine has open. */
export async function growDisk(effects: Effects, path: string, size: number): Promise<void> {
  await qemuImg(
    effects,
    ["resize", "-q", "-f", "qcow2", path, String(size)],
    `the disk ${path} cannot be grown`,
  );
}

export interface DiskCopySource {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  /** Name of a snapshot inside it, instead of what it holds now. */
  readonly snapshot?: string;
}

/** A qcow2 copy of an image, which a running machine may have open. */
export async function convertToQcow2(effects: Effects, from: DiskCopySource, to: string): Promise<void> {
  const { path, format, snapshot } = from;
  const which = snapshot === undefined ? [] : ["-l", `snapshot.name=${snapshot}`];
  await qemuImg(
    effects,
    ["convert", "-U", "-f", format, "-O", "qcow2", ...which, path, to],
    `${from.path} cannot be copied to ${to}`,
  );
}

async function qemuImg(effects: Effects, args: readonly string[], summary: string): Promise<string> {
  const { code, stdout, stderr } = await effects.processes.run(QEMU_IMG, args, { timeoutMs: 300_000 });
  if (code === 0) return stdout;
  const full = /No space left|Disk quota exceeded/.test(stderr);
  return fail({
    code: full ? "host/disk-full" : "qemu/disk-image-failed",
    summary,
    detail: stderr.trim(),
    hint: full
      ? "Free some space: `vmlab trash empty`, or move VMLAB_HOME to a larger disk."
      : "Look at the file and the permissions of its folder.",
  });
}
