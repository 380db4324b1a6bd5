/** Makes the seed's volume: an ISO 9660 image labelled `cidata`, by which cloud-init finds it. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { ISO_PROGRAMS } from "./programs.ts";

/** Writes `files` (names to texts) into an ISO image at `path`, mode 0600. */
export async function makeSeedIso(
  effects: Effects,
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const program = await isoProgram(effects);
  if (program === undefined) fail(noIsoProgram);
  const folder = `${path}.files`;
  await effects.files.remove(folder);
  await effects.files.makeDir(folder);
  try {
    const names = Object.keys(files).map((name) => join(folder, name));
    for (const [name, text] of Object.entries(files)) await effects.files.write(join(folder, name), text);
    await effects.files.remove(path);
    const { code, stderr } = await effects.processes.run(
      program,
      [
        ...(program === "xorriso" ? ["-as", "genisoimage"] : []),
        ...["-quiet", "-output", path, "-volid", "cidata", "-joliet", "-rock", ...names],
      ],
      { timeoutMs: 60_000 },
    );
    if (code !== 0) {
      fail({
        code: "qemu/seed-failed",
        summary: `${program} could not make the seed ${path}`,
        detail: stderr.trim(),
        hint: "Look at the free space and the permissions of the folder.",
      });
    }
    // It holds the guest's private host key.
    await effects.files.chmod(path, 0o600);
  } finally {
    await effects.files.remove(folder);
  }
}

/** The first of the known programs on PATH. */
export async function isoProgram(effects: Effects): Promise<string | undefined> {
  for (const program of ISO_PROGRAMS) {
    if ((await effects.processes.which(program)) !== undefined) return program;
  }
  return undefined;
}

export const noIsoProgram = {
  code: "host/no-iso-program",
  summary: "no program to make ISO images was found",
  detail: `vmlab hands the first-boot configuration to a VM as an ISO image; one of ${ISO_PROGRAMS.join(", ")} makes it.`,
  hint: "Debian, Ubuntu: apt install xorriso. Fedora: dnf install xorriso. macOS: brew install xorriso.",
};
