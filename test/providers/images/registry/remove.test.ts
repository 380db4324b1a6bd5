import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { putLab, putVm } from "../../../support/image-chain.ts";
import { diagnosticsOf } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);

describe("removing by name", () => {
  test("is refused while in use, naming the users; an image goes together with what stands on it", async () => {
    const { rig, registry, role, custom } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [custom.digest]);
    putVm(rig, { id: "0123456789ab", name: "db", lab: "demo", on: custom.digest, where: "trash" });
    const [used] = await diagnosticsOf(registry.planRemoval([custom.digest]));
    expect(used).toMatchObject({
      code: "image/in-use",
      summary: `web (${custom.digest.slice(0, 12)}) is in use`,
      detail: `  lab demo in ${join(rig.folder, "demo")}\n  VM db of lab demo, in the trash`,
    });
    rmSync(rig.home.labs, { recursive: true });
    rmSync(rig.home.trash, { recursive: true });
    const [below] = await diagnosticsOf(registry.remove([role.digest]));
    expect(below?.detail).toBe(`  image web (${custom.digest.slice(0, 12)}) stands on it`);
    const removed = await registry.remove([role.digest, custom.digest]);
    expect(removed.images.map(({ name }) => name)).toEqual(["web", "noble-docker"]);
    expect((await registry.list()).map(({ name }) => name)).toEqual(["noble"]);
  });
});
