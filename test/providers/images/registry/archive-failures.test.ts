/** Archives that cannot be written or read to their end: nothing half stays. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { Effects } from "../../../../engine/effects.ts";
import { imageRegistry } from "../../../../providers/images/registry/index.ts";
import { imageDiskPath, imageFolder } from "../../../../providers/images/store.ts";
import { failAt, memoryTrace, systemError } from "../../../support/effects.ts";
import { diagnosticsOf, listen } from "../../../support/image-rig.ts";
import { imageStores, inStore } from "../../../support/image-stores.ts";

const { chain, elsewhere } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

describe("an archive", () => {
  test("is not made of an image that goes at the last moment", async () => {
    const { rig, layers } = await chain();
    const { createExclusive } = rig.effects.files;
    const effects: Effects = {
      ...rig.effects,
      files: {
        ...rig.effects.files,
        createExclusive: (path, ...rest) => {
          if (path.endsWith(".owner.json"))
            rmSync(imageFolder(rig.home, layers[2].digest), { recursive: true, force: true });
          return createExclusive(path, ...rest);
        },
      },
    };
    const [why] = await diagnosticsOf(
      imageRegistry({ effects, home: rig.home }).exportArchive(
        layers[2].digest,
        join(rig.folder, "web.tar"),
        {
          flatten: false,
          context: context(),
        },
      ),
    );
    expect(why).toMatchObject({ code: "image/damaged", detail: "Its disk is not in the store." });
  });

  test.each([true, false])("is not made of damaged bytes (flattened: %s)", async (flatten) => {
    const { rig, registry, layers } = await chain();
    const disk = imageDiskPath(rig.home, layers[1].digest);
    const bytes = readFileSync(disk);
    bytes[300_000] = (bytes[300_000] ?? 0) ^ 1;
    chmodSync(disk, 0o600);
    writeFileSync(disk, bytes);
    // As a disk that rots does, it looks untouched.
    const { mtimeMs: mtime } = statSync(disk);
    writeFileSync(join(disk, "..", "image.json"), JSON.stringify({ ...layers[1], mtime }));
    const path = join(rig.folder, "web.tar");
    const [why] = await diagnosticsOf(
      registry.exportArchive(layers[2].digest, path, { flatten, context: context() }),
    );
    expect(why).toMatchObject({
      code: "image/damaged",
      detail: expect.stringMatching(/^In the store, the layer .* is damaged: its SHA-256 is /),
    });
    expect(existsSync(path)).toBe(false);
  });

  test("that finds no room to be unpacked is not called damaged", async () => {
    const { rig } = await elsewhere();
    const file = join(rig.folder, "web.tar.zst");
    writeFileSync(file, Buffer.from("28b52ffd00", "hex"));
    const stderr = "zstd: error 70 : Write error : cannot write block : No space left on device\n";
    const full = {
      ...rig.effects,
      processes: {
        ...rig.effects.processes,
        run: async () => ({ code: 70, stdout: "", stderr, timedOut: false }),
      },
    };
    const [why] = await diagnosticsOf(
      imageRegistry({ effects: full, home: rig.home }).importArchive(file, { context: context() }),
    );
    expect(why).toMatchObject({ code: "host/disk-full", detail: stderr.trim() });
    expect(inStore(rig)).toEqual([]);
  });

  test("is not written at all when it cannot be written whole", async () => {
    const { rig, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    const { effects, calls } = memoryTrace(rig.effects);
    const trace = imageRegistry({ effects, home: rig.home });
    await trace.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const writing = calls.find(({ method }) => method === "files.download");
    rmSync(path);
    const full = failAt(rig.effects, writing?.number ?? 0, systemError("ENOSPC"));
    const [why] = await diagnosticsOf(
      imageRegistry({ effects: full, home: rig.home }).exportArchive(layers[2].digest, path, {
        flatten: false,
        context: context(),
      }),
    );
    expect(why).toMatchObject({ code: "host/archive-not-written", detail: "The disk is full." });
    const [name] = await diagnosticsOf(
      trace.exportArchive(layers[2].digest, join(rig.folder, "web.zip"), {
        flatten: false,
        context: context(),
      }),
    );
    expect(name).toMatchObject({ code: "host/archive-name" });
    const nowhere = join(rig.folder, "no/folder/web.tar");
    const [missing] = await diagnosticsOf(
      trace.exportArchive(layers[2].digest, nowhere, { flatten: false, context: context() }),
    );
    expect(missing).toMatchObject({ detail: "Its folder does not exist." });
    expect(readdirSync(rig.folder)).toEqual(["home"]);
    expect(inStore(rig).filter((entry) => entry.startsWith("."))).toEqual([]);
  });

  test("that breaks off at any durable effect leaves whole layers, and the next import brings the rest", async () => {
    const { rig, registry, layers } = await chain();
    const path = join(rig.folder, "web.tar");
    await registry.exportArchive(layers[2].digest, path, { flatten: false, context: context() });
    const counting = await elsewhere();
    const { effects, calls } = memoryTrace(counting.rig.effects);
    await imageRegistry({ effects, home: counting.rig.home }).importArchive(path, { context: context() });
    expect(calls.length).toBeGreaterThan(20);
    for (let number = 1; number <= calls.length; number += 9) {
      const there = await elsewhere();
      const broken = failAt(there.rig.effects, number, systemError("EIO"));
      await imageRegistry({ effects: broken, home: there.rig.home })
        .importArchive(path, { context: context() })
        .catch(() => undefined);
      for (const image of await there.registry.list())
        expect([number, image.condition]).toEqual([number, { state: "present" }]);
      await there.registry.importArchive(path, { context: context() });
      await there.rig.provider.recover();
      expect([
        number,
        inStore(there.rig)
          .filter((name) => !name.startsWith(".tmp-"))
          .sort(),
      ]).toEqual([number, layers.map(({ digest }) => digest).sort()]);
    }
  });
});
