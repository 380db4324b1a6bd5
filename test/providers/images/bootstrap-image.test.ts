import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "../../../engine/json.ts";
import { BOOTSTRAP_RECIPE } from "../../../providers/images/bootstrap/recipe.ts";
import { bootstrapKey, sourceText } from "../../../providers/images/image-source.ts";
import type { ImagePin } from "../../../providers/provider.ts";
import { diagnosticsOf, type ImageRig, imageRig, specOf } from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const BOOTSTRAP = {
  distribution: "debian",
  suite: "bookworm",
  mirror: "file:///srv/debian",
  packages: ["git"],
  size: 2 ** 31,
} as const;
const INPUTS = { source: "bootstrap", bootstrap: BOOTSTRAP } as const;
const SOURCE = "bootstrap:debian/bookworm mirror=file:///srv/debian packages=git size=2147483648";

/** An image as a build of this recipe would have left it. */
async function stored(rig: ImageRig, recipe: number, created: string): Promise<string> {
  const content = `recipe ${recipe} of ${created}`;
  const digest = sha256(content);
  const folder = join(rig.home.images, digest);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "disk.qcow2"), content);
  const file = await rig.effects.files.stat(join(folder, "disk.qcow2"));
  const record = {
    version: 1,
    digest,
    keys: [bootstrapKey(BOOTSTRAP, recipe)],
    kind: "bootstrap",
    source: SOURCE,
    format: "qcow2",
    virtual_size: 2 ** 31,
    size: file?.size,
    created,
    mtime: file?.mtimeMs,
    inode: file?.inode,
    release: "12.12",
    recipe,
  };
  writeFileSync(join(folder, "image.json"), JSON.stringify(record));
  return digest;
}

describe("a bootstrapped image", () => {
  test("is built once for all labs that declare it alike, the newest first", async () => {
    const rig = imageRig(await temporaryFolder());
    expect(sourceText({ ...INPUTS, user: "vmlab" })).toBe(SOURCE);
    const spec = specOf(rig, INPUTS);
    const key = bootstrapKey(BOOTSTRAP, BOOTSTRAP_RECIPE);
    const open = { source: SOURCE, recipe: BOOTSTRAP_RECIPE };
    expect(await rig.provider.resolve(spec, { upgrade: false })).toEqual({
      key,
      present: false,
      pin: open,
      notes: [],
    });
    await stored(rig, BOOTSTRAP_RECIPE, "2025-01-01T00:00:00.000Z");
    const newer = await stored(rig, BOOTSTRAP_RECIPE, "2025-02-01T00:00:00.000Z");
    expect(await rig.provider.resolve(spec, { upgrade: false })).toEqual({
      key,
      digest: newer,
      present: true,
      virtualSize: 2 ** 31,
      pin: { ...open, digest: newer, release: "12.12" },
      notes: [],
    });
  });

  test("stays the pinned one, also of an older recipe, until an upgrade", async () => {
    const rig = imageRig(await temporaryFolder());
    const old = await stored(rig, 0, "2025-01-01T00:00:00.000Z");
    await stored(rig, BOOTSTRAP_RECIPE, "2025-02-01T00:00:00.000Z");
    const pin: ImagePin = { source: SOURCE, recipe: 0, digest: old, release: "12.9" };
    const spec = specOf(rig, INPUTS, pin);
    const kept = await rig.provider.resolve(spec, { upgrade: false });
    expect(kept).toMatchObject({ digest: old, present: true, pin });
    const upgraded = await rig.provider.resolve(spec, { upgrade: true });
    expect(upgraded.digest).not.toBe(old);
    expect(upgraded.pin?.recipe).toBe(BOOTSTRAP_RECIPE);
  });

  test("of an older recipe that is not on this host is built by the current one, with a note", async () => {
    const rig = imageRig(await temporaryFolder());
    const spec = specOf(rig, INPUTS, { source: SOURCE, recipe: 0, digest: "0".repeat(64) });
    expect(await rig.provider.resolve(spec, { upgrade: false })).toEqual({
      key: bootstrapKey(BOOTSTRAP, BOOTSTRAP_RECIPE),
      present: false,
      pin: { source: SOURCE, recipe: BOOTSTRAP_RECIPE },
      notes: [
        `vmlab.lock pins recipe 0, whose image is not on this host; this vmlab builds by recipe ${BOOTSTRAP_RECIPE}`,
      ],
    });
  });

  test("needs the network unless its mirror is on this host", async () => {
    const rig = imageRig(await temporaryFolder());
    const { mirror: _, ...remote } = BOOTSTRAP;
    const offline = (bootstrap: typeof remote) => ({
      ...specOf(rig, { source: "bootstrap", bootstrap }),
      offline: true,
    });
    const [diagnostic] = await diagnosticsOf(rig.provider.resolve(offline(remote), { upgrade: false }));
    expect(diagnostic).toMatchObject({
      code: "image/offline",
      summary: "a bootstrap of bookworm is not in the store, and the lab is offline",
    });
    expect((await rig.provider.resolve(offline(BOOTSTRAP), { upgrade: false })).present).toBe(false);
  });
});
