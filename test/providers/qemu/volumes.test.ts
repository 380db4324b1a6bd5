import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import type { CallContext, TrashedVolume } from "../../../providers/provider.ts";
import { mountLines } from "../../../providers/qemu/volume/mounts.ts";
import { volumeDevice, volumeLayers } from "../../../providers/qemu/volume/plug.ts";
import { qemuVolumeProvider } from "../../../providers/qemu/volume/provider.ts";
import { volumeSerial } from "../../../providers/qemu/volume/volume-folder.ts";

const MiB = 2 ** 20;
const ID = "0123456789ab";
const call: CallContext = {
  signal: new AbortController().signal,
  progress: () => undefined,
  output: () => undefined,
};

describe("what QEMU and the guest are told", () => {
  test("a serial number of at most 20 characters follows from the name", () => {
    expect(volumeSerial("data")).toBe("data");
    expect(volumeSerial("twenty-characters-ab")).toBe("twenty-characters-ab");
    const long = volumeSerial("a-name-that-is-much-longer-than-that");
    expect(long).toMatch(/^a-name-that-[0-9a-f]{8}$/);
    expect(long).not.toBe(volumeSerial("a-name-that-is-much-longer-than-this"));
  });

  test("layers and device of a volume that the VM may not write to", () => {
    const disk = { id: ID, serial: "data", path: "/v/a,b.qcow2", readonly: true };
    expect([...volumeLayers(disk), volumeDevice(disk)]).toEqual([
      {
        driver: "file",
        filename: "/v/a,b.qcow2",
        "node-name": `volume-${ID}-file`,
        discard: "unmap",
        "read-only": true,
      },
      {
        driver: "qcow2",
        file: `volume-${ID}-file`,
        "node-name": `volume-${ID}`,
        discard: "unmap",
        "read-only": true,
      },
      {
        driver: "virtio-blk-pci",
        drive: `volume-${ID}`,
        id: `volume-${ID}-device`,
        serial: "data",
        werror: "enospc",
        rerror: "report",
      },
    ]);
  });

  test("a line for each thing to mount, none for a bare disk", () => {
    const volume = { id: ID, size: 32 * MiB, filesystem: "ext4", readonly: false } as const;
    expect(
      mountLines({
        volumes: [
          { ...volume, name: "data", mount: "/srv", owner: "1000:1000", mode: "0750" },
          { ...volume, name: "old", mount: "/old", readonly: true },
          { ...volume, name: "raw", filesystem: "none" },
        ],
        shares: [{ from: "/lab/src", to: "/src", readonly: true }],
      }),
    ).toEqual([
      "volume data 33554432 ext4 /srv rw 1000:1000 0750",
      "volume old 33554432 ext4 /old ro - -",
      expect.stringMatching(/^share vmlab-[0-9a-f]{12} \/src ro$/),
    ]);
  });
});

describe("a volume on this host", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "vmlab-test-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  const provider = () => qemuVolumeProvider({ effects: nodeEffects(), home: homeFrom({ VMLAB_HOME: root }) });
  const lab = { name: "demo", lineage: "0".repeat(16), folder: "/lab" };
  const spec = { id: ID, name: "data", lab, size: 32 * MiB, filesystem: "ext4" } as const;
  const trash: Omit<TrashedVolume, "id" | "size"> = {
    name: "data",
    lab: "demo",
    lineage: lab.lineage,
    deletedAt: 1,
    reason: "deleted",
    record: {},
  };
  const state = async () => (await provider().read([ID])).get(ID);

  test("is private, and is made, grown, put away and brought back once, however often that is asked", async () => {
    const volumes = provider();
    const attributes = { size: 32 * MiB, device: "/dev/disk/by-id/virtio-data" };
    expect(await volumes.create(spec, call)).toEqual(attributes);
    expect(await volumes.create(spec, call)).toEqual(attributes);
    const folder = join(root, "volumes", ID);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const bigger = { ...spec, size: 64 * MiB };
    for (let time = 0; time < 2; time++)
      expect(await volumes.grow(bigger, [], call)).toMatchObject({ size: 64 * MiB });
    for (let time = 0; time < 2; time++) await volumes.remove(ID, { trash });
    expect(await state()).toEqual({ state: "absent" });
    expect(await volumes.trash()).toEqual([{ ...trash, id: ID, size: expect.any(Number) }]);
    for (let time = 0; time < 2; time++) await volumes.restoreFromTrash(ID);
    expect(await state()).toMatchObject({ state: "present", attributes: { size: 64 * MiB } });
    expect(await volumes.trash()).toEqual([]);
    await volumes.remove(ID, { trash });
    await volumes.emptyTrash(ID);
    expect([await volumes.trash(), await readdir(join(root, "trash"))]).toEqual([[], []]);
  });

  test("that was never finished is made anew, and never goes to the trash", async () => {
    const volumes = provider();
    await volumes.create(spec, call);
    await rm(join(root, "volumes", ID, "volume.json"));
    expect(await state()).toEqual({ state: "incomplete" });
    await volumes.create(spec, call);
    expect(await state()).toMatchObject({ state: "present" });
    await rm(join(root, "volumes", ID, "volume.json"));
    await volumes.remove(ID, { trash });
    expect([await state(), await volumes.trash()]).toEqual([{ state: "absent" }, []]);
  });

  test("without its disk is gone; with a damaged record it is refused", async () => {
    const volumes = provider();
    await volumes.create(spec, call);
    await writeFile(join(root, "volumes", ID, "volume.json"), "{}");
    await expect(volumes.read([ID])).rejects.toThrow("the record of a volume cannot be read");
    await rm(join(root, "volumes", ID, "volume.json"));
    await volumes.create(spec, call);
    await rm(join(root, "volumes", ID, "volume.qcow2"));
    expect(await state()).toEqual({ state: "absent" });
  });
});
