/** How an archive is packed, by its name; contents are looked at when it is read. */
export type ArchiveFormat = "tar" | "tar.gz" | "tar.zst";

/** Undefined for a name that says nothing that vmlab can write. */
export function archiveFormat(path: string): ArchiveFormat | undefined {
  if (/\.tar$/i.test(path)) return "tar";
  if (/\.(tar\.gz|tgz)$/i.test(path)) return "tar.gz";
  if (/\.(tar\.zst|tzst)$/i.test(path)) return "tar.zst";
  return undefined;
}

/** What a file is by its first bytes: an archive, one that is compressed, or something else. */
export function archiveFormatOf(head: Buffer): ArchiveFormat | undefined {
  if (head.toString("latin1", 257, 262) === "ustar") return "tar";
  if (head.toString("latin1", 0, 2) === "\x1f\x8b") return "tar.gz";
  if (head.toString("latin1", 0, 4) === "\x28\xb5\x2f\xfd") return "tar.zst";
  return undefined;
}
