/** Where distributions put the UEFI firmware (OVMF, EDK II) for x86-64 without Secure Boot. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";

export interface UefiFirmware {
  /** The code image, mapped read-only. */
  readonly code: string;
  /** The template of the variables, copied for each VM. */
  readonly vars: string;
}

const FOLDERS = [
  "/usr/share/OVMF",
  "/usr/share/edk2/x64",
  "/usr/share/edk2-ovmf/x64",
  "/usr/share/edk2/ovmf",
  "/usr/share/qemu",
  "/usr/local/share/qemu",
  "/opt/homebrew/share/qemu",
];
const NAMES = [
  ["OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"],
  ["OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd"],
  ["OVMF_CODE.fd", "OVMF_VARS.fd"],
  ["ovmf-x86_64-4m-code.bin", "ovmf-x86_64-4m-vars.bin"],
  ["edk2-x86_64-code.fd", "edk2-i386-vars.fd"],
] as const;

/** The first pair found. */
export async function findUefi(effects: Effects): Promise<UefiFirmware | undefined> {
  for (const folder of FOLDERS) {
    for (const [codeName, varsName] of NAMES) {
      const pair = { code: join(folder, codeName), vars: join(folder, varsName) };
      if ((await effects.files.stat(pair.code)) === undefined) continue;
      if ((await effects.files.stat(pair.vars)) !== undefined) return pair;
    }
  }
  return undefined;
}

export const noUefi = {
  code: "host/no-uefi-firmware",
  summary: "no UEFI firmware for QEMU was found",
  detail: `Looked for OVMF in ${FOLDERS.join(", ")}.`,
  hint: 'Debian, Ubuntu: apt install ovmf. Fedora: dnf install edk2-ovmf. Or use firmware = "bios".',
};
