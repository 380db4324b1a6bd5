/**
 * The disk of a bootstrapped image: GPT with a BIOS boot partition (14), an EFI system partition (15) and the root
 * file system (1). The root's number is the lowest, so that it is vda1, and its place the last, so that it can grow.
 */

export const MIB = 1024 * 1024;
const SECTOR_BYTES = 512;
/** Partitions begin on whole MiB; the last MiB is left to the second partition table. */
const BIOS_BOOT_START_MIB = 1;
const BIOS_BOOT_MIB = 1;
const EFI_MIB = 32;

/** Partition types as the UEFI specification and GRUB number them. */
const BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649";
const EFI_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const LINUX_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/** Bytes. */
export interface DiskLayout {
  readonly size: number;
  readonly biosBootStart: number;
  readonly biosBootSize: number;
  readonly efiStart: number;
  readonly efiSize: number;
  readonly rootStart: number;
  readonly rootSize: number;
}

/** Lays out a disk of at least `size` bytes. */
export function diskLayout(size: number): DiskLayout {
  const sizeMib = Math.ceil(size / MIB);
  const efiStartMib = BIOS_BOOT_START_MIB + BIOS_BOOT_MIB;
  const rootStartMib = efiStartMib + EFI_MIB;
  return {
    size: sizeMib * MIB,
    biosBootStart: BIOS_BOOT_START_MIB * MIB,
    biosBootSize: BIOS_BOOT_MIB * MIB,
    efiStart: efiStartMib * MIB,
    efiSize: EFI_MIB * MIB,
    rootStart: rootStartMib * MIB,
    rootSize: (sizeMib - 1 - rootStartMib) * MIB,
  };
}

/** The partition table in the language of sfdisk. */
export function sfdiskScript(layout: DiskLayout): string {
  const line = (number: number, start: number, size: number, type: string): string =>
    `disk${number} : start=${start / SECTOR_BYTES}, size=${size / SECTOR_BYTES}, type=${type}`;
  return `${[
    "label: gpt",
    "unit: sectors",
    line(14, layout.biosBootStart, layout.biosBootSize, BIOS_BOOT_TYPE),
    line(15, layout.efiStart, layout.efiSize, EFI_TYPE),
    line(1, layout.rootStart, layout.rootSize, LINUX_TYPE),
  ].join("\n")}\n`;
}
