/** The folders a bootstrap works in. */
import { dirname, join } from "node:path";
import { assetPath } from "../../../engine/asset-path.ts";
import type { Effects } from "../../../engine/effects.ts";
import { ENABLED_UNITS, earlyGuestFiles, type GuestFile, guestFiles, MASKED_UNITS } from "./guest-files.ts";

/** The hooks, as mmdebstrap is given them. */
export interface Hooks {
  readonly prepare: string;
  readonly customize: string;
}

/**
 * Writes the hooks and what they place into `folder`. Everything is readable to all: without root the hooks run as
 * another user, in a user namespace. None of it is secret.
 */
export async function writeHooks(
  effects: Pick<Effects, "files">,
  folder: string,
  rootUuid: string,
): Promise<Hooks> {
  await writeGuestFiles(effects, join(folder, "early"), earlyGuestFiles());
  await writeGuestFiles(effects, join(folder, "guest"), guestFiles(rootUuid));
  await effects.files.write(join(folder, "masked-units"), `${MASKED_UNITS.join("\n")}\n`, { mode: 0o644 });
  await effects.files.write(join(folder, "enabled-units"), `${ENABLED_UNITS.join("\n")}\n`, { mode: 0o644 });
  const hooks = { prepare: join(folder, "prepare.sh"), customize: join(folder, "customize.sh") };
  for (const [name, path] of Object.entries(hooks)) {
    const script = await effects.files.read(assetPath(`providers/images/bootstrap/${name}.sh`));
    await effects.files.write(path, script, { mode: 0o755 });
  }
  return hooks;
}

async function writeGuestFiles(
  effects: Pick<Effects, "files">,
  root: string,
  files: readonly GuestFile[],
): Promise<void> {
  for (const file of files) {
    const path = join(root, file.path);
    await effects.files.makeDir(dirname(path), { mode: 0o755 });
    await effects.files.write(path, file.content, { mode: 0o644 });
  }
}
