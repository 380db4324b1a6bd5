/** Pretend networks: an empty file each. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { NetworkProvider } from "../provider.ts";

export function fakeNetworkProvider(effects: Effects, home: Home): NetworkProvider {
  const folder = join(home.root, "fake", "networks");
  return {
    async create({ id }) {
      await effects.files.makeDir(folder);
      await effects.files.write(join(folder, id), "");
      return {};
    },
    async read(ids) {
      const existing = new Set(await effects.files.list(folder));
      return new Set(ids.filter((id) => existing.has(id)));
    },
    remove: (id) => effects.files.remove(join(folder, id)),
  };
}
