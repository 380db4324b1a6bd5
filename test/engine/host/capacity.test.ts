import { describe, expect, test } from "@jest/globals";
import { type CapacityInput, checkCapacity, type PlannedVm } from "../../../engine/host/capacity.ts";
import type { LedgerLab } from "../../../engine/host/labs.ts";

const GiB = 1024 ** 3;
const vm = (name: string, fields: Partial<PlannedVm> = {}): PlannedVm => ({
  name,
  cpus: 2,
  memory: 2 * GiB,
  disk: 10 * GiB,
  running: true,
  ...fields,
});
const lab = (name: string, vms: readonly PlannedVm[], bootId = "boot"): LedgerLab => ({
  version: 1,
  lineage: name,
  name,
  folder: `/labs/${name}`,
  host: "h",
  bootId,
  leases: [],
  reservations: Object.fromEntries(
    vms.map(({ name: vmName, cpus, memory, disk, running }) => [vmName, { cpus, memory, disk, running }]),
  ),
});
const input = (fields: Partial<CapacityInput> = {}): CapacityInput => ({
  lab: { lineage: "demo", name: "demo" },
  host: {
    cpus: 8,
    memory: 15 * GiB,
    memoryTotal: 16 * GiB,
    memoryReserve: GiB,
    diskReserve: 2 * GiB,
    parallelStarts: 2,
  },
  limits: {},
  labs: [],
  bootId: "boot",
  vms: [],
  disksBefore: 0,
  download: 0,
  diskFree: 100 * GiB,
  ...fields,
});

test("what fits is told in figures, counting other labs and only what runs", () => {
  const capacity = checkCapacity(
    input({
      labs: [
        lab("other", [vm("x"), vm("off", { running: false })]),
        lab("demo", [vm("a")]),
        lab("before-the-reboot", [vm("y")], "earlier"),
      ],
      vms: [
        vm("a"),
        vm("b", { diskChange: "new" }),
        vm("c", { running: false, diskChange: "grow", diskAllocated: 4 * GiB }),
      ],
      download: GiB,
    }),
  );
  expect(capacity).toEqual({
    memory: { need: 4 * GiB, free: 13 * GiB, limit: 15 * GiB },
    cpus: { need: 4, free: 6, limit: 8 },
    disk: { need: 17 * GiB, free: 98 * GiB, limit: 98 * GiB },
    diagnostics: [],
  });
});

describe("what does not fit is an error that names the numbers and who uses them", () => {
  test("memory", () => {
    const { diagnostics } = checkCapacity(
      input({
        labs: [lab("other", [vm("x", { memory: 8 * GiB }), vm("y")])],
        vms: [vm("a", { memory: 4 * GiB }), vm("b"), vm("c"), vm("d"), vm("e", { running: false })],
        host: { ...input().host, cpus: 100 },
      }),
    );
    expect(diagnostics).toEqual([
      {
        severity: "error",
        code: "host/not-enough-memory",
        summary: "The running VMs need 10 GiB of memory, and 5 GiB are free",
        detail:
          "The limit is 15 GiB.\nLab other (/labs/other) uses 10 GiB for 2 VMs.\nThis lab: a 4 GiB, b 2 GiB, c 2 GiB and 1 more.",
        hint: "To make room: `vmlab stop a b`. Or give VMs less, or raise limits.memory (and limits.memory_reserve) with `vmlab config set`, or [limits] of lab.toml where that is tighter.",
      },
    ]);
  });

  test("cpus, with the lab's own tighter limit", () => {
    const { cpus, diagnostics } = checkCapacity(input({ limits: { cpus: 1 }, vms: [vm("a")] }));
    expect(cpus).toEqual({ need: 2, free: 1, limit: 1 });
    expect(diagnostics).toMatchObject([
      {
        code: "host/not-enough-cpus",
        summary: "The running VMs need 2 vCPUs, and 1 are free",
        detail: "The limit is 1 vCPU.\nThis lab: a 2.",
      },
    ]);
  });

  test("what would have to stop: the lab's own VMs first, never one that the plan itself starts", () => {
    const hint = (fields: Partial<CapacityInput>) =>
      checkCapacity(input({ host: { ...input().host, cpus: 100 }, ...fields })).diagnostics[0]?.hint?.replace(
        / VMs less.*/,
        "",
      );
    const vms = [vm("a"), vm("b", { memory: 12 * GiB }), vm("c", { memory: 4 * GiB, starts: true })];
    expect(hint({ vms })).toBe("To make room: `vmlab stop b`. Or give");
    const labs = [lab("other", [vm("x", { memory: 3 * GiB })])];
    expect(hint({ labs, vms: [vm("a", { memory: 14 * GiB, starts: true })] })).toBe(
      "To make room: `vmlab -C /labs/other stop x`. Or give",
    );
    expect(hint({ labs, vms: [vm("a", { memory: 16 * GiB, starts: true })] })).toBe(
      "Stopping what runs would not make enough room. Give",
    );
    expect(hint({ vms: [vm("a", { memory: 16 * GiB, starts: true })] })).toBe("Give");
  });

  test("a lab of pretend machines takes nothing of the host", () => {
    const labs = [{ ...lab("pretend", [vm("x", { memory: 14 * GiB })]), usesHost: false }];
    expect(checkCapacity(input({ labs, vms: [vm("a")] })).memory).toEqual({
      need: 2 * GiB,
      free: 15 * GiB,
      limit: 15 * GiB,
    });
  });

  test("the number of VMs", () => {
    const { vms, diagnostics } = checkCapacity(input({ limits: { vms: 1 }, vms: [vm("a"), vm("b")] }));
    expect(vms).toEqual({ need: 2, free: 1, limit: 1 });
    expect(diagnostics).toMatchObject([{ code: "host/too-many-vms", summary: "2 VMs would run, and 1 may" }]);
  });

  test("volumes, made or grown, filled to their end", () => {
    const { disk, diagnostics } = checkCapacity(
      input({
        diskFree: 12 * GiB,
        volumes: [
          { name: "data", size: 8 * GiB, growth: 8 * GiB },
          { name: "logs", size: 10 * GiB, growth: 4 * GiB },
          { name: "old", size: 90 * GiB, growth: 0 },
        ],
      }),
    );
    expect(disk).toEqual({ need: 12 * GiB, free: 10 * GiB, limit: 10 * GiB });
    expect(diagnostics.map(({ code, detail }) => [code, detail])).toEqual([
      [
        "host/not-enough-disk",
        "12 GiB are free on the file system of VMLAB_HOME, and 2 GiB stay reserved.\nVolumes may take 12 GiB.",
      ],
    ]);
  });

  test("disk, in the worst case, beside the reserve, with what the trash holds", () => {
    const { diagnostics } = checkCapacity(
      input({
        diskFree: 12 * GiB,
        limits: { diskReserve: 4 * GiB },
        vms: [vm("a", { diskChange: "new" })],
        download: GiB,
        trash: 3 * GiB,
      }),
    );
    expect(diagnostics).toEqual([
      {
        severity: "error",
        code: "host/not-enough-disk",
        summary: "Disks and downloads may grow by 11 GiB, and 8 GiB are free",
        detail:
          "12 GiB are free on the file system of VMLAB_HOME, and 4 GiB stay reserved.\nDownloads take 1 GiB.\nThis lab: a 10 GiB.",
        hint: "`vmlab trash empty` frees 3 GiB. Or make room otherwise, give VMs smaller disks, or lower limits.disk_reserve with `vmlab config set`, or [limits] of lab.toml where that is tighter.",
      },
    ]);
  });
});

describe("a start while less is free than the reserve", () => {
  const full = (fields: Partial<CapacityInput>) =>
    checkCapacity(input({ host: { ...input().host, diskReserve: 10 * GiB }, diskFree: 8 * GiB, ...fields }))
      .diagnostics;
  const web = vm("web", { starts: true });

  test("is refused with the numbers", () => {
    expect(full({ vms: [web, vm("db")], startGrowth: 7 * GiB })).toEqual([
      {
        severity: "error",
        code: "host/not-enough-disk",
        summary:
          "No VM can be started: 8 GiB are free on the file system of VMLAB_HOME, and 10 GiB stay reserved",
        detail:
          "To be started: web (disk 10 GiB).\nTheir disks may come to take 7 GiB more.\nA VM that finds no room on the host is paused until there is some.",
        hint: "Make room, or lower limits.disk_reserve with `vmlab config set`, or [limits] of lab.toml where that is tighter.",
      },
    ]);
    expect(full({ vms: [web], trash: 3 * GiB })[0]?.hint).toMatch(
      /^`vmlab trash empty` frees 3 GiB\. Or make room otherwise, or lower limits\.disk_reserve /,
    );
  });

  test("that makes disks as well is refused once", () => {
    expect(full({ vms: [{ ...web, diskChange: "new" }] }).map(({ summary }) => summary)).toEqual([
      "Disks and downloads may grow by 10 GiB, and 0 B are free",
    ]);
  });

  test("is not refused to a reserve that is just kept, and what runs already is let alone", () => {
    expect(full({ vms: [web], diskFree: 10 * GiB })).toEqual([]);
    expect(full({ vms: [vm("web"), vm("off", { running: false })] })).toEqual([]);
    expect(full({ vms: [web], host: input().host, limits: { diskReserve: 9 * GiB } })).toHaveLength(1);
  });
});

describe("a limit on disks", () => {
  const host = { ...input().host, disk: 100 * GiB };
  const others = [
    {
      ...lab("other", [vm("x", { disk: 40 * GiB, running: false })], "earlier"),
      volumes: { data: 20 * GiB },
    },
    { ...lab("pretend", [vm("y", { disk: 900 * GiB })]), usesHost: false },
    lab("older", [vm("z")]),
  ];
  const own = {
    ...{ host, labs: others },
    vms: [vm("a", { disk: 15 * GiB, running: false, diskChange: "new" as const }), vm("b")],
    volumes: [{ name: "data", size: 5 * GiB, growth: 0 }],
    disksBefore: 15 * GiB,
  };

  test("counts disks and volumes of all labs as full, of VMs that are off too", () => {
    const capacity = checkCapacity(input(own));
    expect([capacity.disks, capacity.diagnostics]).toEqual([
      { need: 30 * GiB, free: 30 * GiB, limit: 100 * GiB },
      [],
    ]);
    expect(checkCapacity(input({ ...own, host: input().host })).disks).toBeUndefined();
  });

  test("that is exceeded is an error that tells who has them", () => {
    const volumes = [{ name: "data", size: 6 * GiB, growth: GiB }];
    expect(checkCapacity(input({ ...own, volumes })).diagnostics).toEqual([
      {
        severity: "error",
        code: "host/too-much-disk",
        summary: "The disks and volumes of this lab need 31 GiB when full, and limits.disk leaves 30 GiB",
        detail:
          "The limit is 100 GiB for all labs, VMs that are off included.\nLab other (/labs/other) has 60 GiB of disks and volumes.\nLab older (/labs/older) has 10 GiB of disks and volumes.\nThis lab: a 15 GiB, b 10 GiB, volume.data 6 GiB.",
        hint: "Stopping VMs makes no room here. Make new disks and volumes smaller, delete what is not needed, or raise limits.disk with `vmlab config set`, or [limits] of lab.toml where that is tighter.",
      },
    ]);
  });

  test("is tightened by the lab's own, and never widened", () => {
    const limitOf = (disk: number) => checkCapacity(input({ ...own, limits: { disk } })).disks?.limit;
    expect([limitOf(80 * GiB), limitOf(900 * GiB)]).toEqual([80 * GiB, 100 * GiB]);
    expect(checkCapacity(input({ limits: { disk: GiB }, vms: [vm("a")] })).disks?.free).toBe(GiB);
  });

  test("that came later keeps a lab from growing, and from nothing else", () => {
    const later = { ...own, host: { ...host, disk: 50 * GiB } };
    expect(checkCapacity(input({ ...later, disksBefore: 30 * GiB })).diagnostics).toEqual([]);
    expect(checkCapacity(input({ ...later, disksBefore: 29 * GiB })).diagnostics).toHaveLength(1);
  });
});

test("a lab's limits never widen the host's", () => {
  const limits = { cpus: 99, memory: 99 * GiB, memoryReserve: 0, diskReserve: 0, vms: 99 };
  const wide = checkCapacity(input({ limits, host: { ...input().host, vms: 3 } }));
  expect([wide.cpus.limit, wide.memory.limit, wide.disk.limit, wide.vms?.limit]).toEqual([
    8,
    15 * GiB,
    98 * GiB,
    3,
  ]);
  expect(checkCapacity(input({ limits: { memoryReserve: 6 * GiB } })).memory.limit).toBe(10 * GiB);
});

test("a lab that runs beyond a limit that came later can still be changed, but not grow", () => {
  const running = [vm("a", { memory: 10 * GiB }), vm("b", { memory: 10 * GiB })];
  const labs = [lab("demo", running)];
  const host = { ...input().host, cpus: 100 };
  expect(checkCapacity(input({ host, labs, vms: running })).diagnostics).toEqual([]);
  expect(checkCapacity(input({ host, labs, vms: [...running, vm("c")] })).diagnostics.length).toBe(1);
});
