/**
 * The two patches that GRUB's installer makes when it puts GRUB on a BIOS disk. Offsets are those of GRUB 2's
 * grub-core/boot/i386/pc/boot.S and diskboot.S (GRUB_BOOT_MACHINE_KERNEL_SECTOR, and the block list that ends the
 * first sector of core.img).
 */

const SECTOR_BYTES = 512;
/** Code before the disk signature and the partition table of the protective MBR, which stay. */
const BOOT_CODE_BYTES = 440;
const KERNEL_SECTOR_OFFSET = 0x5c;
const BLOCK_LIST_OFFSET = SECTOR_BYTES - 12;
/** Segment that the second sector of core.img is loaded to: 0x8200 bytes, right behind the first. */
const LOAD_SEGMENT = 0x820;

export interface BootSectors {
  /** 440 bytes for the beginning of the disk. */
  readonly bootCode: Buffer;
  /** Whole sectors for the BIOS boot partition. */
  readonly core: Buffer;
}

/** Makes both parts fit a core.img that will lie in consecutive sectors from byte `start` of the disk. */
export function bootSectors(
  bootImage: Buffer,
  coreImage: Buffer,
  place: { start: number; size: number },
): BootSectors {
  if (bootImage.length < SECTOR_BYTES)
    throw new Error(`boot.img has ${bootImage.length} bytes instead of 512`);
  const sectors = Math.ceil(coreImage.length / SECTOR_BYTES);
  if (sectors < 2 || sectors * SECTOR_BYTES > place.size) {
    throw new Error(`core.img has ${coreImage.length} bytes, the BIOS boot partition ${place.size}`);
  }
  const firstSector = BigInt(place.start / SECTOR_BYTES);
  const bootCode = Buffer.from(bootImage.subarray(0, BOOT_CODE_BYTES));
  bootCode.writeBigUInt64LE(firstSector, KERNEL_SECTOR_OFFSET);
  const core = Buffer.alloc(sectors * SECTOR_BYTES);
  coreImage.copy(core);
  core.writeBigUInt64LE(firstSector + 1n, BLOCK_LIST_OFFSET);
  core.writeUInt16LE(sectors - 1, BLOCK_LIST_OFFSET + 8);
  core.writeUInt16LE(LOAD_SEGMENT, BLOCK_LIST_OFFSET + 10);
  return { bootCode, core };
}
