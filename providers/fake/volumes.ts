/** Pretend volumes: a folder with a small file each; those in the trash, a file each. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { TrashedVolume, VolumeObservation, VolumeProvider } from "../provider.ts";
import type { FakeWorld } from "./world.ts";

export function fakeVolumeProvider(world: FakeWorld, effects: Effects, home: Home): VolumeProvider {
  const { files } = effects;
  const folder = join(home.root, "fake", "volumes");
  const trash = join(home.root, "fake", "volume-trash");
  const file = (id: string) => join(folder, id, "volume.json");
  const existing = async (path: string) => (await files.stat(path)) !== undefined;
  return {
    async create({ id, name, size }, context) {
      await world.disturb("allocate", name, context.signal);
      await files.makeDir(join(folder, id));
      await files.write(file(id), JSON.stringify({ size }));
      return { size };
    },
    async read(ids) {
      return new Map(
        await Promise.all(
          ids.map(async (id): Promise<[string, VolumeObservation]> => {
            if (!(await existing(join(folder, id)))) return [id, { state: "absent" }];
            if (!(await existing(file(id)))) return [id, { state: "incomplete" }];
            const attributes = JSON.parse(await files.readText(file(id)));
            return [id, { state: "present", attributes }];
          }),
        ),
      );
    },
    // They take nothing of the host.
    usage: async () => [],
    async grow({ id, name, size }, _holders, context) {
      await world.disturb("grow", name, context.signal);
      await files.write(file(id), JSON.stringify({ size }));
      return { size };
    },
    async remove(id, options) {
      if (!(await existing(join(folder, id)))) return;
      if (options.trash !== undefined) {
        await files.makeDir(trash);
        await files.write(join(trash, id), JSON.stringify(options.trash));
      }
      await files.remove(join(folder, id));
    },
    async trash() {
      const ids = (await files.list(trash)).filter((name) => /^[0-9a-f]{12}$/.test(name));
      return await Promise.all(
        ids.map(async (id): Promise<TrashedVolume> => {
          const about = JSON.parse(await files.readText(join(trash, id)));
          return { ...about, id, size: 0 };
        }),
      );
    },
    async restoreFromTrash(id) {
      if (!(await existing(join(trash, id)))) return;
      await files.makeDir(join(folder, id));
      await files.write(file(id), "{}");
      await files.remove(join(trash, id));
    },
    emptyTrash: (id) => files.remove(join(trash, id)),
  };
}
