import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import type { Plan } from "../../../engine/plan/types.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();
const toml = (count: number, more = "") => `${FAKE_HEAD}[networks.net]
cidr = "10.42.0.0/24"
${more}[environments.e]
defaults = { networks = [{ name = "net" }] }
[environments.e.vms.n]
count = ${count}
`;
const summary = (plan: Plan) =>
  plan.changes.map(({ action, address, summary }) => `${action} ${address}: ${summary}`);

test("members that come and go are told to the others, and nothing else happens to these", async () => {
  const lab = await create(toml(3));
  await lab.apply();
  expect((await lab.plan()).changes).toEqual([]);
  await lab.write("lab.toml", toml(5));
  const grown = await lab.plan();
  expect(summary(grown)).toEqual([
    "update network.net: names +e-n-4 +e-n-5 (live)",
    "create vm.e-n-4: on base, 1 vCPU, 1 GiB, disk 10 GiB",
    "create vm.e-n-5: on base, 1 vCPU, 1 GiB, disk 10 GiB",
  ]);
  const before = (await lab.machine("e-n-1")).log;
  await lab.apply();
  expect((await lab.machine("e-n-1")).log.slice(before.length)).toEqual([
    "hosts e-n-1.demo 10.42.0.2, e-n-2.demo 10.42.0.3, e-n-3.demo 10.42.0.4, e-n-4.demo 10.42.0.5, e-n-5.demo 10.42.0.6",
  ]);
  await lab.write("lab.toml", toml(2));
  expect(summary(await lab.plan())).toEqual([
    "delete vm.e-n-5: stopped, then moved to the trash",
    "delete vm.e-n-4: stopped, then moved to the trash",
    "delete vm.e-n-3: stopped, then moved to the trash",
    "update network.net: names −e-n-3 −e-n-4 −e-n-5 (live)",
  ]);
  await lab.apply();
  expect((await lab.machine("e-n-2")).log.at(-1)).toBe("hosts e-n-1.demo 10.42.0.2, e-n-2.demo 10.42.0.3");
  expect((await lab.plan()).changes).toEqual([]);
});

test("a member that cannot be told is warned of and holds nobody up", async () => {
  const lab = await create(toml(1));
  await lab.apply();
  await lab.faults({ failures: [{ step: "hosts", name: "e-n-1" }] });
  await lab.write("lab.toml", toml(2));
  expect((await lab.apply()).failures).toEqual([]);
  expect(
    lab.events.flatMap((event) =>
      event.type === "diagnostic" ? [event.diagnostic.code, event.diagnostic.severity] : [],
    ),
  ).toEqual(["apply/names-not-told", "warning"]);
  expect((await lab.plan()).changes).toEqual([]);
});

test("a network that is gone is made again under the same id; one that nobody declares any more goes after its VMs", async () => {
  const lab = await create(toml(1));
  await lab.apply();
  const id = (await lab.state())?.resources["network.net"]?.instance;
  await rm(join(lab.homeFolder, "fake", "networks"), { recursive: true });
  expect(summary(await lab.plan())).toEqual(["create network.net: the network is gone; 10.42.0.0/24"]);
  await lab.apply();
  expect((await lab.state())?.resources["network.net"]?.instance).toBe(id);
  await lab.write("lab.toml", FAKE_HEAD);
  const plan = await lab.plan();
  expect(summary(plan)).toEqual([
    "delete vm.e-n-1: stopped, then moved to the trash",
    "delete network.net: nobody is in it any more",
    "forget image.base: not used by this lab any more; stays in the store",
  ]);
  expect(plan.operations.find(({ id: one }) => one === "network.net:disconnect")?.needs).toEqual([
    "vm.e-n-1:delete",
  ]);
  await lab.apply();
  expect(await lab.state()).toMatchObject({ resources: {} });
});

test("changed addresses restart the members with them", async () => {
  const lab = await create(toml(1));
  await lab.apply();
  await lab.write("lab.toml", toml(1).replace("10.42.0.0/24", "10.99.0.0/24"));
  expect(summary(await lab.plan())).toEqual([
    "update network.net: cidr 10.42.0.0/24 → 10.99.0.0/24, addresses of members (live)",
    "update vm.e-n-1: networks +net 10.99.0.2 −net 10.42.0.2 (restart)",
  ]);
});

test("a VM that leaves a network is not told its new names: its own change may run at the same time", async () => {
  const vms = (quitter: string, more = "") => `${FAKE_HEAD}[networks.net]
cidr = "10.42.0.0/24"
[vms.stays]
networks = [{ name = "net" }]
[vms.quits]
${quitter}
${more}`;
  const lab = await create(vms('networks = [{ name = "net" }]'));
  await lab.apply();
  const before = (await lab.machine("quits")).log;
  await lab.faults({ delays: { hosts: 50 } });
  await lab.write("lab.toml", vms('power = "stopped"', '[vms.new]\nnetworks = [{ name = "net" }]\n'));
  expect((await lab.apply()).failures).toEqual([]);
  // Not .3, which "quits" may still have had when "new" started.
  expect((await lab.machine("stays")).log.at(-1)).toBe("hosts stays.demo 10.42.0.2, new.demo 10.42.0.4");
  expect((await lab.machine("quits")).log.slice(before.length).join()).not.toContain("hosts");
  expect((await lab.plan()).changes).toEqual([]);
});
