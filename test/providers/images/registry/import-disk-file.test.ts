import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { diagnosticsOf, listen, qcow2Disk, rawDisk, sha256Of } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { elsewhere } = imageStores();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

describe("a plain disk file", () => {
  test("becomes an image, as it would by its path in lab.toml", async () => {
    const { rig, registry } = await elsewhere();
    const file = qcow2Disk(join(rig.folder, "golden.qcow2"));
    const record = await registry.importDisk(file, { context: context() });
    expect(record).toMatchObject({ digest: sha256Of(file), name: "golden", kind: "import", source: file });
    const lab = { name: "demo", lineage: "0123456789abcdef", folder: rig.folder };
    const resolved = await rig.provider.resolve(
      {
        ...{ address: "image.golden", name: "golden", lab, offline: false },
        inputs: { source: "path", path: "golden.qcow2", user: "vmlab" },
      },
      { upgrade: false },
    );
    expect(resolved).toMatchObject({ present: true, digest: record.digest });
    const raw = rawDisk(join(rig.folder, "raw.img"), 8 * 1024 * 1024);
    const named = await registry.importDisk(raw, { name: "other", context: context() });
    expect(named).toMatchObject({ name: "other", format: "raw" });
    expect(existsSync(raw)).toBe(true);
    expect((await registry.importDisk(raw, { name: "again", context: context() })).name).toBe("again");
    writeFileSync(join(rig.folder, "notes.txt"), "hello");
    const [why] = await diagnosticsOf(
      registry.importDisk(join(rig.folder, "notes.txt"), { context: context() }),
    );
    expect(why).toMatchObject({ code: "image/unusable-format" });
  });
});
