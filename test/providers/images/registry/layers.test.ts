/** Images that stand on each other: who needs which, how they are named, and when they are whole. */
import { readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { layersOf } from "../../../../providers/images/layers.ts";
import { findByKey, imageDiskPath, imageFolder, observeImage } from "../../../../providers/images/store.ts";
import { putImage, putLab, putVm } from "../../../support/image-chain.ts";
import { diagnosticsOf, imageRig } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);

describe("layers", () => {
  test("are listed lowest first, with who stands on each", async () => {
    const { rig, registry, base, role, custom } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [custom.digest]);
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: role.digest });
    putVm(rig, { id: "ba9876543210", name: "old", lab: "demo", on: custom.digest, where: "trash" });
    expect((await layersOf(rig.effects, rig.home, custom.digest)).map(({ name }) => name)).toEqual([
      "noble",
      "noble-docker",
      "web",
    ]);
    const found = new Map((await registry.list()).map((image) => [image.name, image]));
    expect(found.get("noble")).toMatchObject({
      layers: [base.digest],
      sharedBy: { images: 2, vms: 2 },
      users: [],
      needed: true,
      condition: { state: "present" },
    });
    expect(found.get("noble-docker")).toMatchObject({
      sharedBy: { images: 1, vms: 2 },
      users: [{ kind: "vm", name: "db", lab: "demo", inTrash: false }],
      children: [custom.digest],
    });
    expect(found.get("web")).toMatchObject({
      layers: [base.digest, role.digest, custom.digest],
      sharedBy: { images: 0, vms: 1 },
      users: [
        { kind: "lab", name: "demo" },
        { kind: "vm", name: "old", inTrash: true },
      ],
    });
  });

  test("that are missing or changed make what stands on them changed, and name themselves", async () => {
    const { rig, base, role, custom } = await chain();
    const look = (digest: string) => observeImage(rig.effects, rig.home, digest);
    expect(await look(custom.digest)).toMatchObject({ state: "present" });
    utimesSync(imageDiskPath(rig.home, role.digest), 1, 1);
    const short = role.digest.slice(0, 12);
    expect(await look(custom.digest)).toEqual({
      state: "changed",
      reason: `the layer noble-docker (${short}) below it was changed: its modification time is not the recorded one`,
    });
    expect(await findByKey(rig.effects, rig.home, "key-of-web")).toBeUndefined();
    rmSync(imageFolder(rig.home, base.digest), { recursive: true });
    expect(await look(role.digest)).toMatchObject({ state: "changed" });
    await rig.provider.verifyImage(role.digest);
    expect(await look(role.digest)).toEqual({
      state: "changed",
      reason: `the layer ${base.digest.slice(0, 12)} below it is missing`,
    });
    expect(await rig.provider.verifyImage(custom.digest)).toEqual({
      state: "damaged",
      reason: `the layer ${base.digest.slice(0, 12)} below it is missing`,
    });
  });

  test("are meant by name, address or the beginning of a digest; a name of two says so", async () => {
    const { rig, registry, base, role } = await chain();
    expect((await registry.show("noble-docker")).digest).toBe(role.digest);
    expect((await registry.show("role.docker")).digest).toBe(role.digest);
    expect((await registry.show(role.digest.slice(0, 8))).digest).toBe(role.digest);
    expect((await registry.show(`sha256:${role.digest}`)).digest).toBe(role.digest);
    const [unknown] = await diagnosticsOf(registry.show("noble-dokcer"));
    expect(unknown).toMatchObject({ code: "image/unknown-name", hint: 'Did you mean "noble-docker"?' });
    const second = await putImage(rig, "other", base, { name: "noble-docker" });
    const [several] = await diagnosticsOf(registry.show("noble-docker"));
    expect(several).toMatchObject({
      code: "image/ambiguous-name",
      summary: '"noble-docker" means 2 images',
    });
    for (const { digest } of [role, second]) expect(several?.detail).toContain(digest.slice(0, 12));
  });
});

describe("the same image", () => {
  test("that two bring in the same moment is there once, for both", async () => {
    const folder = await temporaryFolder();
    const other = imageRig(folder);
    let both = false;
    const rig = imageRig(folder, (effects) => ({
      ...effects,
      files: {
        ...effects.files,
        rename: async (from, to) => {
          if (!both && to.startsWith(other.home.images)) {
            both = true;
            await putImage(other, "noble");
          }
          await effects.files.rename(from, to);
        },
      },
    }));
    const record = await putImage(rig, "noble");
    expect(await observeImage(rig.effects, rig.home, record.digest)).toMatchObject({ state: "present" });
    expect(readdirSync(rig.home.images)).toEqual([record.digest]);
  });
});
