/** Images carried to another host in an archive. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { imageRegistry } from "../../../../providers/images/registry/index.ts";
import { findByKey, imageDiskPath, imageFolder, observeImage } from "../../../../providers/images/store.ts";
import { guestBytes, putImage, putLab } from "../../../support/image-chain.ts";
import { listen } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain, elsewhere } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

describe("an archive", () => {
  test.each(["web.tar", "web.tar.gz", "web.tar.zst"])(
    "%s brings the same images with the same digests to another host, and only what is not there",
    async (name) => {
      const { rig, registry, layers } = await chain();
      const [base, role, custom] = layers;
      const path = join(rig.folder, name);
      const exported = await registry.exportArchive(custom.digest, path, {
        flatten: false,
        context: context(),
      });
      expect(exported).toEqual({ digest: custom.digest, layers: 3, size: statSync(path).size });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(rig.folder).sort()).toEqual(["home", name].sort());
      if (name === "web.tar") {
        // Anybody's tar can look into it.
        expect(execFileSync("tar", ["-tf", path], { encoding: "utf8" }).trim().split("\n")).toEqual([
          "manifest.json",
          ...layers.map(({ digest }) => `layers/${digest}/disk.qcow2`),
        ]);
      }

      const there = await elsewhere();
      const imported = await there.registry.importArchive(path, { context: context() });
      expect(imported.added).toEqual(layers.map(({ digest }) => digest));
      const { mtime: _, inode: __, ...facts } = custom;
      expect(imported.record).toMatchObject(facts);
      for (const { digest } of layers) {
        expect(await observeImage(there.rig.effects, there.rig.home, digest)).toMatchObject({
          state: "present",
        });
        expect(statSync(imageDiskPath(there.rig.home, digest)).mode & 0o777).toBe(0o444);
      }
      expect((await findByKey(there.rig.effects, there.rig.home, "key-of-noble-docker"))?.digest).toBe(
        role.digest,
      );
      expect(
        (await guestBytes(there.rig, custom.digest, there.rig.folder)).equals(
          await guestBytes(rig, custom.digest, rig.folder),
        ),
      ).toBe(true);

      const second = await elsewhere();
      await putImage(second.rig, "noble");
      const rest = await second.registry.importArchive(path, { name: "my-web", context: context() });
      expect([rest.present, rest.added, rest.record.name]).toEqual([
        [base.digest],
        [role.digest, custom.digest],
        "my-web",
      ]);
      expect((await second.registry.importArchive(path, { context: context() })).added).toEqual([]);
      expect(
        (await second.registry.verify(undefined, { repair: false, context: context() })).map(
          ({ outcome }) => outcome,
        ),
      ).toEqual(["whole", "whole", "whole"]);
    },
  );

  test("with --flatten holds one disk, which is another image with the same content", async () => {
    const { rig, registry, layers } = await chain();
    const [, , custom] = layers;
    const path = join(rig.folder, "flat.tar");
    const exported = await registry.exportArchive(custom.digest, path, { flatten: true, context: context() });
    expect(exported.layers).toBe(1);
    expect(exported.digest).not.toBe(custom.digest);
    const there = await elsewhere();
    const { record } = await there.registry.importArchive(path, { context: context() });
    expect(record).toMatchObject({
      ...{ digest: exported.digest, name: "web", kind: "export", source: `flattened from ${custom.digest}` },
      steps: ["packages noble-docker", "packages web"],
    });
    expect(record.parent).toBeUndefined();
    expect(
      (await guestBytes(there.rig, record.digest, there.rig.folder)).equals(
        await guestBytes(rig, custom.digest, rig.folder),
      ),
    ).toBe(true);
    expect(await findByKey(there.rig.effects, there.rig.home, "key-of-web")).toBeUndefined();
  });

  test("under way is not pruned: neither what it reads nor what it brings", async () => {
    const { rig, registry, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    await registry.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const there = await elsewhere();
    await putLab(there.rig, "demo", join(there.rig.folder, "demo"), []);
    await putImage(there.rig, "noble");
    const seen: string[] = [];
    let rename = there.rig.effects.files.rename;
    const pruning = {
      ...there.rig.effects,
      files: {
        ...there.rig.effects.files,
        rename: async (from: string, to: string) => {
          await rename(from, to);
          const { removed } = await there.registry.prune({ now: Date.now(), keepMs: 0 });
          seen.push(...removed.map(({ name }) => name));
        },
      },
    };
    rename = there.rig.effects.files.rename;
    await imageRegistry({ effects: pruning, home: there.rig.home }).importArchive(path, {
      context: context(),
    });
    expect(seen).toEqual([]);
    expect(await there.registry.list()).toHaveLength(3);
    expect(existsSync(imageFolder(there.rig.home, layers[0].digest))).toBe(true);
  });
});
