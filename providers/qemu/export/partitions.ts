/** Where the partitions of a disk lie, read from its first bytes: GPT, or the four entries of an MBR. */

/** Bytes. */
export interface Partition {
  readonly start: number;
  readonly size: number;
}

/** How much of the beginning of a disk {@link parsePartitions} wants to see. */
export const TABLE_BYTES = 1024 * 1024;

const SECTOR_BYTES = 512;
const MBR_ENTRIES_AT = 446;
const MBR_ENTRY_BYTES = 16;
/** The single entry of an MBR that protects a GPT. */
const PROTECTIVE_TYPE = 0xee;

/** The partitions in the order of the table; a disk without any is one partition from end to end. */
export function parsePartitions(head: Buffer, diskSize: number): readonly Partition[] {
  const whole = [{ start: 0, size: diskSize }];
  if (head.length < SECTOR_BYTES || head.readUInt16LE(510) !== 0xaa55) return whole;
  const types = [0, 1, 2, 3].map((index) => head[MBR_ENTRIES_AT + index * MBR_ENTRY_BYTES + 4]);
  const found = types.includes(PROTECTIVE_TYPE) ? gpt(head) : mbr(head);
  const inside = found.filter(({ start, size }) => size > 0 && start > 0 && start + size <= diskSize);
  return inside.length === 0 ? whole : inside;
}

function mbr(head: Buffer): Partition[] {
  return [0, 1, 2, 3].map((index) => {
    const at = MBR_ENTRIES_AT + index * MBR_ENTRY_BYTES;
    return {
      start: head.readUInt32LE(at + 8) * SECTOR_BYTES,
      size: head.readUInt32LE(at + 12) * SECTOR_BYTES,
    };
  });
}

/** UEFI specification, chapter 5: the header in sector 1 says where the entries are, and how many of which length. */
function gpt(head: Buffer): Partition[] {
  if (
    head.length < 2 * SECTOR_BYTES ||
    head.toString("latin1", SECTOR_BYTES, SECTOR_BYTES + 8) !== "EFI PART"
  )
    return [];
  const at = Number(head.readBigUInt64LE(SECTOR_BYTES + 72)) * SECTOR_BYTES;
  const count = head.readUInt32LE(SECTOR_BYTES + 80);
  const length = head.readUInt32LE(SECTOR_BYTES + 84);
  const partitions: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const entry = at + index * length;
    if (length < 128 || entry + 128 > head.length) break;
    const first = Number(head.readBigUInt64LE(entry + 32));
    const last = Number(head.readBigUInt64LE(entry + 40));
    if (first === 0) continue;
    partitions.push({ start: first * SECTOR_BYTES, size: (last - first + 1) * SECTOR_BYTES });
  }
  return partitions;
}
