/** A cpio archive in the "newc" format, which Linux unpacks as (a part of) its initial RAM disk. */

export interface CpioFile {
  /** Path without a leading slash. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: Buffer;
}

const REGULAR_FILE = 0o100000;
/** Archives that follow each other in a RAM disk begin on multiples of four. */
const ALIGNMENT = 4;

/** See the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. */
export function cpioArchive(files: readonly CpioFile[]): Buffer {
  const entries = files.map(({ name, mode, content }, index) =>
    entry(name, { inode: index + 1, mode: REGULAR_FILE | mode, content }),
  );
  return Buffer.concat([...entries, entry("TRAILER!!!", { inode: 0, mode: 0, content: Buffer.alloc(0) })]);
}

function entry(name: string, file: { inode: number; mode: number; content: Buffer }): Buffer {
  const path = Buffer.from(`${name}\0`);
  const { inode, mode, content } = file;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), path])), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % ALIGNMENT;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(ALIGNMENT - rest)]);
}
