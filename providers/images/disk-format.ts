/** What a file is, by its bytes: names lie. */

export type Compression = "xz" | "gz" | "zst";

export type DiskFormat =
  | { readonly kind: "qcow2" }
  | { readonly kind: "raw" }
  | { readonly kind: "compressed"; readonly by: Compression }
  /** `what` completes "this is …". */
  | { readonly kind: "unusable"; readonly what: string };

/** How much of the beginning {@link detectFormat} wants to see. */
export const HEAD_BYTES = 64 * 1024;

const SECTOR_BYTES = 512;

/** Formats that people do hand in, by their first bytes. */
const OTHERS: readonly (readonly [number, string, string])[] = [
  [0, "KDMV", "a VMware disk (vmdk)"],
  [0, "# Disk DescriptorFile", "a VMware disk descriptor (vmdk)"],
  [0, "vhdxfile", "a Hyper-V disk (vhdx)"],
  [0, "conectix", "a Virtual PC disk (vhd)"],
  [0x40, "\x7f\x10\xda\xbe", "a VirtualBox disk (vdi)"],
  [0, "PK\x03\x04", "a zip archive"],
  [0, "BZh", "compressed with bzip2"],
  [0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"],
  [0, "QED\0", "a QED disk"],
  [257, "ustar", "a tar archive"],
  [0, "\x7fELF", "a program"],
];

/** `size` is that of the whole file, in bytes. */
export function detectFormat(head: Buffer, size: number): DiskFormat {
  const has = (position: number, magic: string): boolean =>
    head.subarray(position, position + magic.length).equals(Buffer.from(magic, "latin1"));
  if (size === 0) return { kind: "unusable", what: "an empty file" };
  if (has(0, "QFI\xfb")) return { kind: "qcow2" };
  if (has(0, "\xfd7zXZ\0")) return { kind: "compressed", by: "xz" };
  if (has(0, "\x1f\x8b")) return { kind: "compressed", by: "gz" };
  if (has(0, "\x28\xb5\x2f\xfd")) return { kind: "compressed", by: "zst" };
  for (const [position, magic, what] of OTHERS) if (has(position, magic)) return { kind: "unusable", what };
  if (isMarkup(head))
    return { kind: "unusable", what: "a web page or another text, perhaps a server's error message" };
  if (has(510, "\x55\xaa")) {
    // A partial last sector is a cut-off file; a boot sector makes it a disk.
    if (size % SECTOR_BYTES !== 0)
      return { kind: "unusable", what: "a raw disk that is cut off in the middle of a sector" };
    return { kind: "raw" };
  }
  if (has(0x8001, "CD001"))
    return { kind: "unusable", what: "an ISO image without a boot sector, not a disk" };
  return {
    kind: "unusable",
    what: "neither qcow2, nor a raw disk with a boot sector, nor one of these in xz, gzip or zstd",
  };
}

function isMarkup(head: Buffer): boolean {
  const text = head
    .subarray(0, 512)
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  return /^(<!doctype|<html|<\?xml|<[a-z]+[\s>]|\{\s*")/i.test(text);
}
