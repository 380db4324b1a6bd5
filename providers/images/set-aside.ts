import { basename, join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";

/** Keeps a file that was refused for a look, in `downloads/rejected/`, never to be used. Resolves with its place. */
export async function setAside(effects: Effects, home: Home, path: string, name: string): Promise<string> {
  const folder = join(home.downloads, "rejected");
  await effects.files.makeDir(folder);
  const aside = join(
    folder,
    `${effects.random.bytes(3).toString("hex")}-${basename(name).replace(/[^A-Za-z0-9._-]/g, "_") || "image"}`,
  );
  await effects.files.rename(path, aside);
  return aside;
}
