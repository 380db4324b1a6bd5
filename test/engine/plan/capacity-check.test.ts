import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { writeLab } from "../../../engine/host/labs.ts";
import { makePlan } from "../../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions, type PlanOutcome } from "../../../engine/plan/options.ts";
import type { FakeLab } from "../../support/fake-lab.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const GiB = 2 ** 30;

interface Host {
  readonly config: string;
  readonly free?: number;
}

/** A plan on a host where another lab has 30 GiB of disks and volumes, all of it off. */
async function plan(
  lab: FakeLab,
  { config, free = 300 * GiB }: Host,
  options: Partial<PlanOptions> = {},
): Promise<PlanOutcome> {
  const effects = lab.effects();
  const disk = async () => ({ total: 500 * GiB, free });
  const workspace = await lab.workspace({ ...effects, host: { ...effects.host, disk } });
  const { home, providers } = workspace;
  await effects.files.makeDir(home.root);
  await writeFile(join(home.root, "config.toml"), config);
  await writeLab(effects, home, {
    ...{ version: 1, lineage: "00aa", name: "other", folder: "/labs/other", host: "h", leases: [] },
    reservations: { x: { cpus: 1, memory: GiB, disk: 20 * GiB, running: false } },
    volumes: { data: 10 * GiB },
  });
  const vm = { ...providers.vm, usesHost: true };
  return await makePlan(
    { ...workspace, providers: { ...providers, vm } },
    { ...DEFAULT_PLAN_OPTIONS, ...options },
  );
}

const VOLUME = `[volumes.data]
size = "5GiB"
`;
const TOML = `${FAKE_HEAD}${VOLUME}[vms.a]
disk = "10GiB"
[vms.b]
disk = "10GiB"
power = "stopped"
`;
const limited = (limit: string): Host => ({ config: `[limits]\ndisk = "${limit}"\n` });

describe("a limit on disks", () => {
  test("is told with what the plan needs, and refuses one that needs more", async () => {
    const lab = await create(TOML);
    expect((await plan(lab, limited("55GiB"))).plan?.needs.disks).toEqual({
      ...{ need: 25 * GiB, free: 25 * GiB, limit: 55 * GiB },
    });
    expect(await plan(lab, limited("54GiB"))).toMatchObject({
      diagnostics: [
        {
          code: "host/too-much-disk",
          summary: "The disks and volumes of this lab need 25 GiB when full, and limits.disk leaves 24 GiB",
          detail: `The limit is 54 GiB for all labs, VMs that are off included.
Lab other (/labs/other) has 30 GiB of disks and volumes.
This lab: a 10 GiB, b 10 GiB, volume.data 5 GiB.`,
        },
      ],
    });
    await lab.write("lab.toml", `limits = { disk = "50GiB" }\n${TOML}`);
    expect((await plan(lab, limited("55GiB"))).diagnostics.map(({ code }) => code)).toEqual([
      "host/too-much-disk",
    ]);
  });

  test("is not spoken of where it is not set", async () => {
    const { plan: made } = await plan(await create(TOML), { config: "" });
    expect(Object.keys(made?.needs ?? {})).toEqual(["memory", "cpus", "disk"]);
  });

  test("that came later lets a lab change, replace and trade, but not grow", async () => {
    const lab = await create(TOML);
    await lab.apply();
    const codes = async (toml: string, options: Partial<PlanOptions> = {}) => {
      await lab.write("lab.toml", toml);
      return (await plan(lab, limited("40GiB"), options)).diagnostics.map(({ code }) => code);
    };
    expect(await codes(TOML, { replace: ["vm.a", "volume.data"] })).toEqual([]);
    expect(await codes(TOML.replace('"5GiB"', '"6GiB"'))).toEqual(["host/too-much-disk"]);
    expect(await codes(TOML.replace('"10GiB"', '"11GiB"'))).toEqual(["host/too-much-disk"]);
    expect(await codes(TOML.replace(VOLUME, "").replace('"10GiB"', '"15GiB"'))).toEqual([]);
  });
});

test("a plan that starts a VM is refused while less is free than the reserve; one that starts none is not", async () => {
  const lab = await create(TOML);
  await lab.apply();
  const full: Host = { config: '[limits]\ndisk_reserve = "10GiB"\n', free: 8 * GiB };
  await lab.write("lab.toml", TOML.replace("[vms.a]", '[vms.a]\nports = ["80"]'));
  expect((await plan(lab, full)).diagnostics).toEqual([]);
  await lab.disturb("a", { state: "stopped", clean: false });
  expect((await plan(lab, full)).diagnostics).toMatchObject([
    {
      code: "host/not-enough-disk",
      summary:
        "No VM can be started: 8 GiB are free on the file system of VMLAB_HOME, and 10 GiB stay reserved",
    },
  ]);
});
