import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Effects, ProcessUsage } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import { diskCounters } from "../../../providers/qemu/machine-counters.ts";
import { measureVms } from "../../../providers/qemu/usage.ts";
import { uuidOf, type VmFolder, vmFolder } from "../../../providers/qemu/vm-folder.ts";
import { measureVolumes } from "../../../providers/qemu/volume/usage.ts";
import { volumeFolder } from "../../../providers/qemu/volume/volume-folder.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const ID = "0123456789ab";
const VOLUME = "ab0123456789";
const PID = 4_000_001;
const MiB = 2 ** 20;
const lab = { name: "demo", lineage: "1".repeat(16) };

const folders = temporaryFolders();
let home: Home;
let folder: VmFolder;
let effects: Effects;
let usage: ProcessUsage | undefined;

beforeEach(async () => {
  home = homeFrom({ VMLAB_HOME: await folders() });
  folder = vmFolder(home, ID);
  usage = undefined;
  const real = nodeEffects();
  const commandLine = ["qemu-system-x86_64", "-uuid", uuidOf(ID)];
  effects = {
    ...real,
    clock: { ...real.clock, now: () => 5_000 },
    processes: {
      ...real.processes,
      identify: async (pid) => ({ pid, startTime: "7", commandLine }),
      usage: async () => usage,
    },
  };
  await mkdir(folder.root, { recursive: true });
  await writeFile(join(folder.root, "disk-0.qcow2"), Buffer.alloc(MiB, 1));
  await writeFile(
    folder.record,
    JSON.stringify({
      ...{ version: 1, id: ID, name: "web", lab, disk: 10 * MiB },
      layers: [{ digest: "d" }, { file: "disk-0.qcow2" }],
    }),
  );
});

const allocated = async (path: string) => (await stat(path)).blocks * 512;
const measured = async () => [...(await measureVms({ effects, home, imageDisk: () => "" })).values()];
const runs = () =>
  writeFile(
    folder.runtime,
    JSON.stringify({
      ...{ version: 1, state: "running", pid: PID, startTime: "7", startedAt: 1_000, forwards: [] },
      bootId: "boot",
    }),
  ).then(() => {
    effects = { ...effects, host: { ...effects.host, bootId: async () => "boot" } };
  });

describe("a VM", () => {
  test("that is off takes what its own layers do, and may grow to the size of its disk", async () => {
    const disk = await allocated(join(folder.root, "disk-0.qcow2"));
    expect(await measured()).toEqual([
      {
        ...{ id: ID, name: "web", lab, time: 5_000 },
        disk: { size: 10 * MiB, allocated: disk, growth: 10 * MiB - disk },
      },
    ]);
  });

  test("with a snapshot may fill its disk once more beside it", async () => {
    await mkdir(folder.snapshots);
    await writeFile(join(folder.snapshots, "clean.json"), JSON.stringify({ version: 1, volumes: [] }));
    expect((await measured())[0]?.disk.growth).toBe(10 * MiB);
  });

  test("that runs has the CPU time and memory of its process, also while QEMU does not answer", async () => {
    await runs();
    usage = { startTime: "7", cpuMs: 1_230, resident: 200 * MiB };
    expect((await measured())[0]?.running).toEqual({
      ...{ startedAt: 1_000, cpuMs: 1_230, resident: 200 * MiB },
    });
  });

  test("whose process ended meanwhile, and whose pid is another's by now, is off", async () => {
    await runs();
    usage = { startTime: "8", cpuMs: 9, resident: 9 };
    expect((await measured())[0]?.running).toBeUndefined();
  });

  test("with a damaged record is seen while it runs, and no other folder is taken for one", async () => {
    await writeFile(join(home.vms, "notes.txt"), "");
    await mkdir(join(home.vms, "half-made"));
    await writeFile(folder.record, "{");
    expect(await measured()).toEqual([]);
    await runs();
    usage = { startTime: "7", cpuMs: 10, resident: MiB };
    expect(await measured()).toMatchObject([{ id: ID, name: ID, running: { resident: MiB } }]);
  });
});

test("a volume takes what its disk does, and is kept beside what a snapshot of any VM holds", async () => {
  const { root, disk, record } = volumeFolder(home, VOLUME);
  await mkdir(root, { recursive: true });
  await writeFile(disk, Buffer.alloc(MiB, 1));
  await writeFile(record, JSON.stringify({ version: 1, id: VOLUME, name: "data", lab, size: 4 * MiB }));
  await writeFile(join(home.volumes, "notes.txt"), "");
  const size = { size: 4 * MiB, allocated: await allocated(disk) };
  const about = { id: VOLUME, name: "data", lab };
  expect(await measureVolumes({ effects, home })).toEqual([
    { ...about, disk: { ...size, growth: 4 * MiB - size.allocated } },
  ]);
  await mkdir(folder.snapshots);
  const snapshot = { version: 1, createdAt: 0, volumes: [{ id: VOLUME, name: "data", size: 4 * MiB }] };
  await writeFile(join(folder.snapshots, "clean.json"), JSON.stringify(snapshot));
  expect(await measureVolumes({ effects, home })).toEqual([{ ...about, disk: { ...size, growth: 4 * MiB } }]);
});

test("the counters of all disks of a guest are added up, without the seed's", () => {
  const disk = (qdev: string, rd_bytes: number, wr_bytes: number) => ({
    qdev,
    stats: { rd_bytes, wr_bytes },
  });
  expect(
    diskCounters([
      disk("/machine/peripheral/disk-0-device/virtio-backend", 100, 10),
      disk("/machine/peripheral/seed-device/virtio-backend", 7, 0),
      disk("/machine/peripheral/volume-ab0123456789-device/virtio-backend", 5, 1),
      { stats: { rd_bytes: 9 } },
    ]),
  ).toEqual({ read: 105, written: 11 });
  expect(diskCounters("none")).toEqual({});
});
