/** The part of a qcow2 header that decides whether a stranger's image is safe to open. */

export interface Qcow2Header {
  readonly version: number;
  /** The image reads another file through. */
  readonly backingFile: boolean;
  /** Its data lies in another file. */
  readonly externalData: boolean;
  readonly encrypted: boolean;
  /** Bytes. */
  readonly virtualSize: number;
}

/** Bit 2 of the incompatible features: "External data file bit". */
const EXTERNAL_DATA_BIT = 1 << 2;

/**
 * Reads the fields of QEMU's docs/interop/qcow2.txt: version at 4, backing_file_offset at 8, size at 24, crypt_method
 * at 32, incompatible_features at 72 (version 3). Undefined when this is no qcow2 header.
 *
 * Read by ourselves and before any program opens the file: a backing or data file may name any file of this host.
 */
export function parseQcow2Header(head: Buffer): Qcow2Header | undefined {
  if (head.length < 72 || head.toString("latin1", 0, 4) !== "QFI\xfb") return undefined;
  const version = head.readUInt32BE(4);
  if (version >= 3 && head.length < 104) return undefined;
  return {
    version,
    backingFile: head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0,
    // The low half of a big-endian 64-bit field.
    externalData: version >= 3 && (head.readUInt32BE(76) & EXTERNAL_DATA_BIT) !== 0,
    encrypted: head.readUInt32BE(32) !== 0,
    virtualSize: Number(head.readBigUInt64BE(24)),
  };
}
