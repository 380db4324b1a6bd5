import { describe, expect, test } from "@jest/globals";
import { palette } from "../../../cli/palette.ts";
import { bar, renderResources } from "../../../cli/render/resources.ts";
import type { HostUsage } from "../../../engine/operate/resources/host-usage.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const disk = { size: 20 * GiB, allocated: 1.5 * GiB, growth: 18.5 * GiB };
const reserved = { cpus: 2, memory: 2 * GiB, disk: 20 * GiB, running: true };
const vm = (name: string) => ({ id: name, name, time: 0, disk });

const usage: HostUsage = {
  host: {
    cpus: 4,
    memory: { total: 16 * GiB, available: 9 * GiB },
    disk: { total: 200 * GiB, free: 60 * GiB },
  },
  cpus: { limit: 16, reserved: 4, free: 12, used: 1.25 },
  memory: { limit: 15 * GiB, reserved: 4 * GiB, free: 11 * GiB, used: 1.9 * GiB },
  disk: { limit: 62 * GiB, reserved: 59.5 * GiB, free: 2.5 * GiB, used: 4 * GiB },
  vms: { reserved: 2, used: 1 },
  labs: [
    {
      ...{ name: "demo", lineage: "1", folder: "/home/anna/labs/demo" },
      vms: [
        {
          ...{ name: "a-name-of-forty-characters-as-long-as-11", state: "running", reserved, cpus: 1.25 },
          usage: { ...vm("1"), running: { resident: 1.9 * GiB } },
        },
        { name: "db", state: "crashed", reserved, usage: vm("2") },
        { name: "off", state: "stopped", reserved: { ...reserved, running: false }, usage: vm("3") },
      ],
      volumes: [{ id: "v", name: "data", lab: { name: "demo", lineage: "1" }, disk }],
    },
  ],
  stored: {
    vms: 3 * GiB,
    layers: 0,
    volumes: 0,
    images: 600 * MiB,
    trash: 400 * MiB,
    backups: 0,
    downloads: 0,
    other: 1024,
  },
  worstCase: { growth: 55.5 * GiB, room: 58 * GiB, fits: true },
};
const render = (width: number | undefined, shown: HostUsage = usage) =>
  renderResources(shown, [], {
    palette: palette(false),
    width,
    bars: width !== undefined,
    root: "/home/anna/vmlab",
  });

test("on 80 columns everything has its place, long names too", () => {
  const lines = render(80);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.join("\n")).toBe(`Host: 4 CPUs, 16 GiB memory (9 GiB available), 200 GiB disk (60 GiB free)

         LIMIT  RESERVED     LEFT       USED
vCPUs       16         4       12  1.25 of 4  █████░░░░░░░░░░░░░░░  25 %
memory  15 GiB     4 GiB   11 GiB    1.9 GiB  █████░░░░░░░░░░░░░░░  27 %
disk    62 GiB    60 GiB  2.5 GiB      4 GiB  ███████████████████░  96 %
VMs          -         2        -          1

LAB                    STATE       VCPUS  BUSY  MEMORY   IN RAM    DISK  ON DISK
demo                   1 of 3 run      4  1.25   4 GiB  1.9 GiB  80 GiB    6 GiB
  a-name-o…long-as-11  running         2  1.25   2 GiB  1.9 GiB  20 GiB  1.5 GiB
  db                   crashed         2     -   2 GiB        -  20 GiB  1.5 GiB
  off                  stopped         -     -       -        -  20 GiB  1.5 GiB
  volume.data                                                    20 GiB  1.5 GiB

/home/anna/vmlab takes 4 GiB: VMs 3 GiB, images 600 MiB, trash 400 MiB, other 1
KiB.
Reserved for, but not running: db (demo). "vmlab start" or "vmlab stop" in the
lab puts that right.
"vmlab trash empty" frees 400 MiB.
If every disk fills, they take 56 GiB more, and there is room for 58 GiB: that
fits.`);
});

test("in a pipe there are no bars, and names and folders are whole", () => {
  const text = render(undefined).join("\n");
  expect(text).not.toContain("█");
  expect(text).toMatch(/ {2}a-name-of-forty-characters-as-long-as-11 +running /);
  expect(text).toMatch(/\ndemo .* \/home\/anna\/labs\/demo\n/);
});

describe("what should not be is said", () => {
  test("disks that cannot all fill", () => {
    const worstCase = { growth: 100 * GiB, room: 58 * GiB, fits: false };
    expect(render(undefined, { ...usage, worstCase }).at(-1)).toBe(
      "If every disk fills, they take 100 GiB more, and there is room for 58 GiB: that is 42 GiB too much. A VM that finds no room is paused until there is some.",
    );
  });

  test("memory that is promised and not there", () => {
    const host = { ...usage.host, memory: { total: 16 * GiB, available: GiB } };
    expect(render(undefined, { ...usage, host }).join("\n")).toContain(
      "The running VMs may take 2.1 GiB more of memory, and the host has 1 GiB available.",
    );
  });
});

test("a bar is never longer than its place, and whole only when nothing is left", () => {
  expect(bar(0, 8)).toBe("░░░░░░░░░░░░░░░░░░░░   0 %");
  expect(bar(12, 8)).toBe("████████████████████ 150 %");
  expect(bar(1, 0)).toBe("████████████████████ 100 %");
  expect(bar(0, 0)).toBe("░░░░░░░░░░░░░░░░░░░░   0 %");
});
