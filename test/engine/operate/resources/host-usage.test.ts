import { describe, expect, test } from "@jest/globals";
import type { LedgerLab } from "../../../../engine/host/labs.ts";
import { type HostUsageInput, hostUsage } from "../../../../engine/operate/resources/host-usage.ts";
import type { MeasuredVm } from "../../../../engine/operate/resources/usage-meter.ts";
import type { RunningUsage, VmObservation } from "../../../../providers/provider.ts";

const GiB = 1024 ** 3;
const disk = { size: 10 * GiB, allocated: 2 * GiB, growth: 8 * GiB };

function lab(
  name: string,
  running: Readonly<Record<string, boolean>>,
  more: Partial<LedgerLab> = {},
): LedgerLab {
  return {
    ...{
      version: 1,
      lineage: `${name}0`,
      name,
      folder: `/labs/${name}`,
      host: "h",
      bootId: "boot",
      leases: [],
    },
    reservations: Object.fromEntries(
      Object.entries(running).map(([vm, runs]) => [
        vm,
        { cpus: 2, memory: 2 * GiB, disk: 10 * GiB, running: runs },
      ]),
    ),
    ...more,
  };
}
function machine(labName: string, name: string, running?: Partial<RunningUsage>, cpus?: number): MeasuredVm {
  const usage = {
    id: `${labName}-${name}`,
    name,
    lab: { name: labName, lineage: `${labName}0` },
    time: 0,
    disk,
  };
  return {
    usage: running === undefined ? usage : { ...usage, running },
    rates: cpus === undefined ? {} : { cpus },
  };
}
const input = (fields: Partial<HostUsageInput>): HostUsageInput => ({
  limits: {
    ...{ cpus: 8, memory: 15 * GiB, memoryTotal: 16 * GiB, memoryReserve: GiB },
    ...{ diskReserve: 2 * GiB, parallelStarts: 2 },
  },
  host: {
    cpus: 2,
    memory: { total: 16 * GiB, available: 9 * GiB },
    disk: { total: 100 * GiB, free: 42 * GiB },
  },
  ...{ bootId: "boot", labs: [], vms: [], observed: new Map(), volumes: [] },
  stored: {
    vms: 6 * GiB,
    layers: 0,
    volumes: 0,
    images: 3 * GiB,
    trash: GiB,
    backups: 0,
    downloads: 0,
    other: 0,
  },
  ...fields,
});

test("reserved is what the ledger says, used is what was measured, over all labs", () => {
  const usage = hostUsage(
    input({
      labs: [lab("demo", { web: true, db: false }), lab("shop", { shop: true })],
      vms: [
        machine("demo", "web", { resident: GiB }, 0.5),
        machine("demo", "db"),
        machine("shop", "shop", { resident: 3 * GiB }, 0.25),
      ],
    }),
  );
  expect(usage.cpus).toEqual({ limit: 8, reserved: 4, free: 4, used: 0.75 });
  expect(usage.memory).toEqual({ limit: 15 * GiB, reserved: 4 * GiB, free: 11 * GiB, used: 4 * GiB });
  expect(usage.vms).toEqual({ reserved: 2, used: 2 });
});

describe("the worst case", () => {
  test("is every disk filled, of VMs that are off and of volumes too", () => {
    const volume = { id: "v", name: "data", lab: { name: "demo", lineage: "demo0" }, disk };
    const usage = hostUsage(
      input({ vms: [machine("demo", "web"), machine("demo", "db", {})], volumes: [volume] }),
    );
    expect(usage.worstCase).toEqual({ growth: 24 * GiB, room: 40 * GiB, fits: true });
    expect(usage.disk).toEqual({ limit: 50 * GiB, reserved: 34 * GiB, free: 16 * GiB, used: 10 * GiB });
  });

  test("may be more than there is", () => {
    const vms = ["a", "b", "c", "d", "e", "f"].map((name) => machine("demo", name));
    const usage = hostUsage(input({ vms }));
    expect(usage.worstCase).toEqual({ growth: 48 * GiB, room: 40 * GiB, fits: false });
    expect(usage.disk.free).toBe(-8 * GiB);
  });
});

test("a limit on disks is what the disk's row tells, whatever there is room for", () => {
  const { limits } = input({});
  const labs = [
    lab("demo", { web: true, db: false }, { bootId: "earlier", volumes: { data: 5 * GiB } }),
    lab("pretend", { web: true }, { usesHost: false }),
  ];
  const usage = hostUsage(
    input({ limits: { ...limits, disk: 20 * GiB }, labs, vms: [machine("demo", "web")] }),
  );
  expect(usage.disk).toEqual({ limit: 20 * GiB, reserved: 25 * GiB, free: -5 * GiB, used: 10 * GiB });
  expect(usage.worstCase).toEqual({ growth: 8 * GiB, room: 40 * GiB, fits: true });
});

describe("a lab", () => {
  const statesOf = (fields: Partial<HostUsageInput>) =>
    hostUsage(input(fields)).labs.map(({ name, folder, vms }) => [
      name,
      folder,
      vms.map((vm) => `${vm.name} ${vm.state} ${vm.reserved?.running === true ? "reserved" : "-"}`),
    ]);

  test("shows each VM as list does, and what is reserved for one that does not run", () => {
    const off = { state: "stopped", clean: true, attributes: {} } as const;
    const observed = new Map<string, VmObservation>([
      ["demo-vm-10", { state: "running", paused: true, attributes: {}, forwards: [] }],
      ["demo-vm-2", { ...off, clean: false }],
      ["demo-off", off],
      ["demo-asleep", { ...off, suspended: true }],
      ["demo-half", { state: "incomplete" }],
    ]);
    const names = { "vm-10": true, "vm-2": true, off: false, asleep: false, half: false };
    expect(
      statesOf({
        labs: [lab("demo", { ...names, gone: false, lost: true })],
        vms: Object.keys(names).map((name) => machine("demo", name)),
        observed,
      }),
    ).toEqual([
      [
        "demo",
        "/labs/demo",
        [
          "asleep suspended -",
          "gone missing -",
          "half incomplete -",
          "lost missing reserved",
          "off stopped -",
          "vm-2 crashed reserved",
          "vm-10 paused reserved",
        ],
      ],
    ]);
  });

  test("that the ledger does not know is shown with what runs of it", () => {
    const observed = new Map<string, VmObservation>([
      ["lost-web", { state: "running", paused: false, attributes: {}, forwards: [] }],
    ]);
    expect(statesOf({ vms: [machine("lost", "web", {})], observed })).toEqual([
      ["lost", undefined, ["web running -"]],
    ]);
  });

  test("of an earlier boot has nothing reserved", () => {
    const labs = [lab("demo", { web: true }, { bootId: "earlier" })];
    const observed = new Map<string, VmObservation>([
      ["demo-web", { state: "stopped", clean: false, attributes: {} }],
    ]);
    expect(statesOf({ labs, vms: [machine("demo", "web")], observed })).toEqual([
      ["demo", "/labs/demo", ["web crashed -"]],
    ]);
    expect(hostUsage(input({ labs })).memory.reserved).toBe(0);
  });

  test("of pretend machines takes nothing, and is not shown", () => {
    const labs = [lab("pretend", { web: true }, { usesHost: false })];
    const usage = hostUsage(input({ labs }));
    expect([usage.labs, usage.memory.reserved, usage.vms.reserved]).toEqual([[], 0, 0]);
  });
});
