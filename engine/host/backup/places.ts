/** Where backups lie: one folder each under VMLAB_HOME/backups. */
import { join } from "node:path";
import { fail } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { withHostLock } from "../host-lock.ts";

const PREFIX = ".tmp-";

export function backupsFolder(home: Home): string {
  return join(home.root, "backups");
}

/** Refuses names that are no name of a folder. */
export function backupFolder(home: Home, name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return join(backupsFolder(home), name);
  return fail({
    code: "backup/bad-name",
    summary: `"${name}" is no name for a backup`,
    hint: "Names have letters, digits, dots, hyphens and underscores. `--to FILE` writes one somewhere else.",
  });
}

/** A name that no backup has, after the time in UTC: `2025-11-23-153012`, `before-restore-2025-11-23-153012`. */
export async function freeName(
  effects: Pick<Effects, "files" | "clock">,
  home: Home,
  prefix = "",
): Promise<string> {
  const time = new Date(effects.clock.now()).toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  const taken = new Set(await effects.files.list(backupsFolder(home)));
  for (let number = 1; ; number += 1) {
    const name = `${prefix}${time}${number === 1 ? "" : `-${number}`}`;
    if (!taken.has(name)) return name;
  }
}

/**
 * Runs `use` with a fresh folder among the backups, which is gone afterwards unless it was renamed. Only one at a time
 * on a host, so that what a crash left is nobody's and is removed.
 */
export async function withBackupScratch<Result>(
  effects: Effects,
  home: Home,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  return withHostLock(effects, home, "backups", async () => {
    const backups = backupsFolder(home);
    await effects.files.makeDir(backups);
    for (const name of await effects.files.list(backups))
      if (name.startsWith(PREFIX)) await effects.files.remove(join(backups, name));
    const folder = join(backups, `${PREFIX}${effects.random.bytes(6).toString("hex")}`);
    await effects.files.makeDir(folder);
    try {
      return await use(folder);
    } finally {
      await effects.files.remove(folder);
    }
  });
}
