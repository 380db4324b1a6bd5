/** Makes the seed's volume: an ISO 9660 image labelled `cidata`, by which cloud-init finds it. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { ISO_PROGRAMS } from "./programs.ts";

/** The seed's files in a folder of their own, each 0600: they hold the guest's private host key. */
export async function writeSeedFiles(
  effects: Effects,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await effects.files.remove(folder);
  await effects.files.makeDir(folder);
  for (const [name, text] of Object.entries(files)) await effects.files.write(join(folder, name), text);
}

/** Puts these files of a folder into an ISO image at `path`, mode 0600; one that is there is replaced as a whole. */
export async function makeSeedIso(
  effects: Effects,
  path: string,
  folder: string,
  names: readonly string[],
): Promise<void> {
  const program = await isoProgram(effects);
  if (program === undefined) fail(noIsoProgram);
  const made = `${path}.new`;
  await effects.files.remove(made);
  const { code, stderr } = await effects.processes.run(
    program,
    [
      ...(program === "xorriso" ? ["-as", "genisoimage"] : []),
      ...["-quiet", "-output", made, "-volid", "cidata", "-joliet", "-rock"],
      ...names.map((name) => join(folder, name)),
    ],
    { timeoutMs: 60_000 },
  );
  if (code !== 0) {
    await effects.files.remove(made);
    fail({
      code: "qemu/seed-failed",
      summary: `${program} could not make the seed ${path}`,
      detail: stderr.trim(),
      hint: "Look at the free space and the permissions of the folder.",
    });
  }
  await effects.files.chmod(made, 0o600);
  await effects.files.rename(made, path);
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
