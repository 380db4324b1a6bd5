import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { pruneOrphans, storeNotes } from "../../../../providers/images/registry/index.ts";
import { putLab } from "../../../support/image-chain.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const DAY = 86_400_000;

describe("notes of a plan", () => {
  test("tell of images that nobody needs, and of this lab's that are old", async () => {
    const { rig, base, role } = await chain();
    await putLab(rig, "demo", join(rig.folder, "demo"), [role.digest]);
    const now = Date.now();
    const images = new Map([
      ["image.noble", base.digest],
      ["role.docker", role.digest],
    ]);
    const notes = (days: number) => storeNotes(rig.effects, rig.home, { now: now + days * DAY, images });
    await pruneOrphans(rig.effects, rig.home, { now, keepMs: 14 * DAY });
    expect(await notes(1)).toEqual([]);
    expect(await notes(100)).toEqual([
      "image.noble was got 100 days ago; `vmlab apply --upgrade image.noble` brings in what is new since then",
      "role.docker was built 100 days ago; `vmlab apply --upgrade role.docker` brings in what is new since then",
      expect.stringMatching(
        /^1 image \(\d+ KiB\) in the store is needed by nobody for 14d or more; the next apply removes them/,
      ),
    ]);
  });
});
