/**
 * Takes kernel and initial RAM disk out of an image, without root and without a mount: qemu-img copies the partition
 * that holds them, debugfs (e2fsprogs) reads its file system.
 */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import { type DiskWork, qemuImg } from "./disk-tools.ts";
import { type Partition, parsePartitions, TABLE_BYTES } from "./partitions.ts";

/** Kernel and RAM disk that belong together; paths inside the file system. */
export interface BootPair {
  readonly kernel: string;
  readonly initrd: string;
}

/** The superblock of ext2 to ext4 begins here and has its magic number at 56. */
const SUPERBLOCK_AT = 1024;
const EXT_MAGIC = 0xef53;
/** "HdrS" of Linux's boot protocol for x86. */
const KERNEL_MAGIC_AT = 0x202;

/**
 * Writes `vmlinuz` and `initrd` into `folder`, which holds nothing else. Resolves with undefined, or with why the image
 * has none that can be used. `disk` is a qcow2 that nobody writes to, of `size` bytes.
 */
export async function extractBootFiles(
  work: DiskWork,
  disk: { readonly path: string; readonly size: number },
  folder: string,
): Promise<string | undefined> {
  const { effects } = work;
  const debugfs = await findDebugfs(effects);
  if (debugfs === undefined) return "debugfs is not installed (Debian, Ubuntu: apt-get install e2fsprogs)";
  const phase = "looking for a kernel in the image";
  const part = async (partition: Partition, name: string): Promise<string> => {
    const path = join(folder, name);
    await qemuImg(work, phase, ["convert", "-O", "raw", sourceOf(disk.path, partition), path]);
    return path;
  };
  const table = await part({ start: 0, size: Math.min(TABLE_BYTES, disk.size) }, "table");
  const partitions = parsePartitions(await effects.files.read(table), disk.size);
  await effects.files.remove(table);
  let extSeen = false;
  // A file system of its own for /boot is small: quick to copy, and where it is, /boot of the big one is empty.
  for (const partition of partitions.toSorted((a, b) => a.size - b.size)) {
    if (partition.size < 4 * SUPERBLOCK_AT) continue;
    const head = await part({ start: partition.start, size: 4 * SUPERBLOCK_AT }, "head");
    const magic = (await effects.files.readPart(head, SUPERBLOCK_AT + 56, 2)).readUInt16LE(0);
    await effects.files.remove(head);
    if (magic !== EXT_MAGIC) continue;
    extSeen = true;
    const fileSystem = await part(partition, "partition");
    const taken = await takePair(work, debugfs, folder);
    await effects.files.remove(fileSystem);
    if (taken) return undefined;
  }
  return extSeen
    ? "no Linux kernel with its initial RAM disk lies in /boot of the image"
    : "the image has no ext2, ext3 or ext4 file system, where its kernel could be read";
}

/** Only a slice of the disk, as a raw image by itself. */
function sourceOf(path: string, { start, size }: Partition): string {
  const file = { driver: "qcow2", file: { driver: "file", filename: path } };
  return `json:${JSON.stringify({ driver: "raw", offset: start, size, file })}`;
}

async function takePair(work: DiskWork, debugfs: string, folder: string): Promise<boolean> {
  const { effects, call, env } = work;
  // Names relative to the folder: debugfs takes its commands apart at blanks.
  const ask = async (command: string): Promise<string> => {
    const options = { cwd: folder, signal: call.signal, env, ownGroup: true };
    return (await effects.processes.run(debugfs, ["-R", command, "partition"], options)).stdout;
  };
  for (const place of ["/boot", "/"]) {
    for (const { kernel, initrd } of bootPairs(regularFiles(await ask(`ls -p ${place}`)))) {
      await ask(`dump ${join(place, kernel)} vmlinuz`);
      await ask(`dump ${join(place, initrd)} initrd`);
      if (await isWhole(effects, folder)) return true;
    }
  }
  for (const name of ["vmlinuz", "initrd"]) await effects.files.remove(join(folder, name));
  return false;
}

/** debugfs ends with 0 whatever happens. */
async function isWhole(effects: Pick<Effects, "files">, folder: string): Promise<boolean> {
  const [kernel, initrd] = [join(folder, "vmlinuz"), join(folder, "initrd")];
  const magic = await effects.files.readPart(kernel, KERNEL_MAGIC_AT, 4).catch(() => Buffer.alloc(0));
  return magic.toString("latin1") === "HdrS" && ((await effects.files.stat(initrd))?.size ?? 0) > 0;
}

/** Names of regular files in the output of debugfs's `ls -p`: `/inode/mode/uid/gid/name/size/`. */
export function regularFiles(listing: string): readonly string[] {
  return listing.split("\n").flatMap((line) => {
    const [, , mode = "", , , name = "", size = ""] = line.split("/");
    return /^10[0-7]{4}$/.test(mode) && /^[\w.+~-]+$/.test(name) && Number(size) > 0 ? [name] : [];
  });
}

/** Kernels with their RAM disks, by the names that distributions give them, the newest version first. */
export function bootPairs(names: readonly string[]): readonly BootPair[] {
  const there = new Set(names);
  return names
    .flatMap((kernel) => {
      const version = /^vmlinuz(?:-(.+))?$/.exec(kernel)?.[1];
      if (!kernel.startsWith("vmlinuz") || /rescue/.test(kernel)) return [];
      const initrd = initrdNames(kernel, version).find((name) => there.has(name));
      return initrd === undefined ? [] : [{ kernel, initrd }];
    })
    .sort((a, b) => b.kernel.localeCompare(a.kernel, "en", { numeric: true }));
}

function initrdNames(kernel: string, version: string | undefined): readonly string[] {
  if (kernel === "vmlinuz") return ["initrd.img", "initrd.gz", "initrd", "initramfs.img", "initramfs"];
  return [
    `initrd.img-${version}`,
    `initramfs-${version}.img`,
    `initrd-${version}`,
    `initrd-${version}.img`,
    `initramfs-${version}`,
  ];
}

/** File system tools lie where an ordinary user's PATH may not look. */
async function findDebugfs(effects: Pick<Effects, "processes">): Promise<string | undefined> {
  for (const candidate of ["debugfs", "/usr/sbin/debugfs", "/sbin/debugfs"]) {
    const path = await effects.processes.which(candidate);
    if (path !== undefined) return path;
  }
  return undefined;
}
