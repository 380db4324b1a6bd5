import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import { sha256 } from "../../../engine/json.ts";
import { admitImage, preparedDisk } from "../../../providers/images/store.ts";
import { packerProvider } from "../../../providers/packer/index.ts";
import type { ImagePin, ImageSpec } from "../../../providers/provider.ts";
import { qemuProvider } from "../../../providers/qemu/index.ts";
import { diagnosticsOf } from "../../support/guests/provider-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";
import { recipe } from "./recipes.ts";

const temporary = temporaryFolders();
const context = {
  signal: new AbortController().signal,
  progress: () => undefined,
  output: () => undefined,
};
const PARENT = { address: "image.bookworm", key: "parent-key", digest: sha256("base") };

async function open(options: { templateVersion?: number; now?: string; packer?: boolean } = {}) {
  const home = homeFrom({ VMLAB_HOME: await temporary() });
  const opened = reopen(home, options);
  for (const bytes of ["base", "other base"]) await store(opened.effects, home, bytes, undefined, bytes);
  return { home, ...opened };
}

/** The provider of another vmlab, at another time, over the same home. */
function reopen(home: Home, options: { templateVersion?: number; now?: string; packer?: boolean } = {}) {
  const real = nodeEffects();
  const { templateVersion = 1, now = "2026-01-02T03:04:05.000Z", packer = true } = options;
  const effects: Effects = {
    ...real,
    clock: { ...real.clock, now: () => Date.parse(now) },
    processes: { ...real.processes, which: async () => (packer ? "/usr/bin/packer" : undefined) },
  };
  const machines = (imageDisk: (digest: string) => string) => qemuProvider({ effects, home, imageDisk });
  return { effects, provider: packerProvider({ effects, home, machines, templateVersion }) };
}

function spec(changes: Partial<ImageSpec> = {}): Omit<ImageSpec, "key"> {
  return {
    address: "role.tools",
    name: "tools",
    lab: { name: "demo", lineage: "00", folder: "/" },
    inputs: { source: "build", user: "debian", os: "debian-12", build: recipe() },
    offline: false,
    parent: PARENT,
    ...changes,
  };
}

/** Puts an image into the store as a build would, without building. */
async function store(effects: Effects, home: Home, key: string, parent: string | undefined, bytes: string) {
  const folder = join(home.images, `.tmp-${sha256(bytes).slice(0, 12)}`);
  await mkdir(folder, { recursive: true });
  await writeFile(preparedDisk(folder), bytes);
  const facts = { kind: "role", source: "test", format: "qcow2", virtual_size: 7 } as const;
  return admitImage(effects, home, {
    folder,
    digest: sha256(bytes),
    key,
    facts: { ...facts, ...(parent === undefined ? {} : { parent }) },
    context,
  });
}

const plain = { upgrade: false };
const pinned = (pin: ImagePin | undefined): Partial<ImageSpec> => (pin === undefined ? {} : { pin });

describe("what a plan knows of a build", () => {
  test("is its key while it has to be made, and its digest once the store has it", async () => {
    const { effects, home, provider } = await open();
    const before = await provider.resolve(spec(), plain);
    expect(before).toEqual({
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      present: false,
      pin: { source: "build", recipe: 1 },
      notes: [],
    });
    const { digest } = await store(effects, home, before.key, PARENT.digest, "one");
    const after = { key: before.key, digest, present: true, virtualSize: 7, pin: before.pin, notes: [] };
    expect(await provider.resolve(spec(), plain)).toEqual(after);
    expect(await provider.resolve(spec(pinned(after.pin)), plain)).toEqual(after);
  });

  test("does not count a build on another parent, or one whose file was touched", async () => {
    const { effects, home, provider } = await open();
    const { key } = await provider.resolve(spec(), plain);
    const { digest } = await store(effects, home, key, PARENT.digest, "one");
    const absent = { key, present: false };
    const other = { ...PARENT, digest: sha256("other base") };
    expect(await provider.resolve(spec({ parent: other }), plain)).toMatchObject(absent);
    const { digest: _, ...unmade } = PARENT;
    expect(await provider.resolve(spec({ parent: unmade }), plain)).toMatchObject(absent);
    await utimes(join(home.images, digest, "disk.qcow2"), 1, 1);
    expect(await provider.resolve(spec(), plain)).toMatchObject(absent);
  });

  test("does not change with a new vmlab until an upgrade", async () => {
    const { effects, home, provider } = await open();
    const old = await provider.resolve(spec(), plain);
    const { digest } = await store(effects, home, old.key, PARENT.digest, "one");
    const later = reopen(home, { templateVersion: 2 }).provider;
    expect(await later.resolve(spec(pinned(old.pin)), plain)).toEqual({
      key: old.key,
      digest,
      present: true,
      virtualSize: 7,
      pin: { source: "build", recipe: 1 },
      notes: ["built by an older recipe (template 1 → 2); --upgrade builds it by the present one"],
    });
    const upgraded = await later.resolve(spec(pinned(old.pin)), { upgrade: true });
    expect(upgraded).toEqual({
      key: expect.not.stringMatching(old.key),
      present: false,
      pin: { source: "build", recipe: 2, release: "2026-01-02T03:04:05.000Z" },
      notes: ["built by the recipe of this vmlab (template 1 → 2)"],
    });
  });

  test("is the present recipe where an older one is pinned that has to be built anyway", async () => {
    const { provider } = await open({ templateVersion: 2 });
    expect(await provider.resolve(spec(pinned({ source: "build", recipe: 1 })), plain)).toMatchObject({
      present: false,
      pin: { source: "build", recipe: 2 },
      notes: ["built by the recipe of this vmlab (template 1 → 2)"],
    });
  });

  test("is a new build after an upgrade, which the old one does not satisfy", async () => {
    const { effects, home, provider } = await open();
    const { key } = await provider.resolve(spec(), plain);
    await store(effects, home, key, PARENT.digest, "one");
    const later = reopen(home, { now: "2026-02-02T00:00:00.000Z" });
    const upgraded = await later.provider.resolve(spec(), { upgrade: true });
    expect(upgraded).toMatchObject({ key, present: false, pin: { release: "2026-02-02T00:00:00.000Z" } });
    expect(await later.provider.resolve(spec(pinned(upgraded.pin)), plain)).toMatchObject({ present: false });
    const { digest } = await store(later.effects, home, key, PARENT.digest, "two");
    expect(await later.provider.resolve(spec(pinned(upgraded.pin)), plain)).toMatchObject({
      digest,
      pin: upgraded.pin,
    });
  });

  test("notes that Packer is missing, where something has to be built", async () => {
    const { effects, home, provider } = await open();
    const { key } = await provider.resolve(spec(), plain);
    const without = reopen(home, { packer: false }).provider;
    expect(await without.resolve(spec(), plain)).toMatchObject({
      present: false,
      notes: ["needs Packer to be built, which is not installed here"],
    });
    await store(effects, home, key, PARENT.digest, "one");
    expect(await without.resolve(spec(), plain)).toMatchObject({ present: true, notes: [] });
  });
});

describe("what obtaining a build that is there does", () => {
  test("is nothing but naming it, by the pin that it has", async () => {
    const { effects, home, provider } = await open();
    const { key, pin } = await provider.resolve(spec(), plain);
    const { digest } = await store(effects, home, key, PARENT.digest, "one");
    const later = reopen(home, { templateVersion: 2, packer: false }).provider;
    const obtained = await later.obtain({ ...spec(pinned(pin)), key }, context);
    expect(obtained).toMatchObject({ digest, pin, attributes: { digest, key } });
  });

  test("mends a record whose file was copied, and refuses a file that was changed", async () => {
    const { effects, home, provider } = await open();
    const { key } = await provider.resolve(spec(), plain);
    const { digest } = await store(effects, home, key, PARENT.digest, "one");
    const disk = join(home.images, digest, "disk.qcow2");
    await utimes(disk, 1, 1);
    expect((await provider.obtain({ ...spec(), key }, context)).digest).toBe(digest);
    await effects.files.write(disk, "two");
    await rm(join(home.images, PARENT.digest), { recursive: true });
    // It would have to be built, on a parent that is not there.
    expect(await diagnosticsOf(provider.obtain({ ...spec(), key }, context))).toMatchObject([
      { code: "image/parent-unusable", detail: `image.bookworm stands on sha256:${PARENT.digest}.` },
    ]);
  });

  test("refuses a file that is right on a layer that was changed", async () => {
    const { effects, home, provider } = await open();
    const { key } = await provider.resolve(spec(), plain);
    await store(effects, home, key, PARENT.digest, "one");
    await effects.files.write(join(home.images, PARENT.digest, "disk.qcow2"), "bose");
    expect(await diagnosticsOf(provider.obtain({ ...spec(), key }, context))).toMatchObject([
      { code: "image/parent-unusable" },
    ]);
  });
});
