/** Root file system + boot loaders → a disk that boots under BIOS and UEFI, without mounts or loop devices. */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import { type DiskLayout, MIB, sfdiskScript } from "./disk-layout.ts";
import { bootSectors } from "./grub-boot-sectors.ts";
import { EFI_LABEL } from "./guest-files.ts";
import type { BootstrapHost } from "./host-programs.ts";
import { runTool } from "./run-tool.ts";

export interface DiskParts {
  /** File with the root file system. */
  readonly root: string;
  /** GRUB's boot.img and core.img for BIOS, and its EFI program. */
  readonly bootImage: Buffer;
  readonly coreImage: Buffer;
  readonly efiProgram: Buffer;
}

/** Makes the raw disk in `folder` and resolves with its path. */
export async function assembleDisk(
  effects: Pick<Effects, "files" | "processes">,
  host: BootstrapHost,
  options: { folder: string; layout: DiskLayout; parts: DiskParts; address: string; signal: AbortSignal },
): Promise<string> {
  const { folder, layout, parts, address, signal } = options;
  const { files } = effects;
  const { programs } = host;
  const disk = join(folder, "disk.raw");
  const run = (doing: string, program: string, args: readonly string[], input?: string) =>
    runTool(effects, program, args, { address, signal, doing, ...(input === undefined ? {} : { input }) });
  const place = (file: string, position: number) =>
    run("writing the disk", programs.dd, [
      `if=${file}`,
      `of=${disk}`,
      "bs=1M",
      `seek=${position / MIB}`,
      "conv=notrunc,sparse",
      "status=none",
    ]);

  await emptyFile(files, disk, layout.size);
  await run("partitioning the disk", programs.sfdisk, ["--quiet", disk], sfdiskScript(layout));
  await place(parts.root, layout.rootStart);

  const sectors = bootSectors(parts.bootImage, parts.coreImage, {
    start: layout.biosBootStart,
    size: layout.biosBootSize,
  });
  const bootCode = join(folder, "boot-code");
  await files.write(bootCode, sectors.bootCode);
  await place(bootCode, 0);
  const core = join(folder, "core");
  await files.write(core, sectors.core);
  await place(core, layout.biosBootStart);

  const efi = join(folder, "efi.img");
  const efiProgram = join(folder, "bootx64.efi");
  await files.write(efiProgram, parts.efiProgram);
  await emptyFile(files, efi, layout.efiSize);
  const making = "making the EFI system partition";
  await run(making, programs["mkfs.vfat"], ["-n", EFI_LABEL, efi]);
  await run(making, programs.mmd, ["-i", efi, "::/EFI", "::/EFI/BOOT"]);
  await run(making, programs.mcopy, ["-i", efi, efiProgram, "::/EFI/BOOT/BOOTX64.EFI"]);
  await place(efi, layout.efiStart);
  return disk;
}

/** All holes. */
async function emptyFile(files: Effects["files"], path: string, size: number): Promise<void> {
  await files.write(path, "");
  await files.truncate(path, size);
}
