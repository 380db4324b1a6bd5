/** Clusters of one module beside each other: planned, applied, changed, taken away. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readSavedPlan, writeSavedPlan } from "../../../engine/plan/saved-plan.ts";
import type { Plan } from "../../../engine/plan/types.ts";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();

const MODULE = `[inputs]
workers = { type = "integer", default = 1 }
port = { type = "integer", default = 0, check = "value >= 0" }
[secrets.token]
[networks.net]
cidr = "10.42.0.0/24"
[defaults]
networks = [{ name = "net" }]
[vms.cp]
scripts = ["setup.sh"]
run = ["echo \${secrets.token}"]
[vms.worker]
count = "\${inputs.workers}"
depends_on = ["member.cp"]
run = ["join \${members.cp.ip} \${inputs.port}"]
[outputs]
token = { value = "\${secrets.token}" }
port = { value = "\${members.cp.ssh_port}" }
`;

const toml = (workers: number) => `${FAKE_HEAD}[environments]
blue = { source = "cluster", inputs = { workers = ${workers} } }
green = { source = "cluster", inputs = { port = "\${environments.blue.outputs.port}" } }
[vms.watch]
run = ["watch \${environments.green.outputs.token}"]
[outputs]
port = { value = "\${environments.green.outputs.port}" }
token = { value = "\${environments.green.outputs.token}" }
`;

async function clusters() {
  const lab = await create(toml(1));
  await lab.write("cluster/module.toml", MODULE);
  await lab.write("cluster/setup.sh", "echo setup");
  return lab;
}

const summary = (plan: Plan) =>
  plan.changes.map(({ action, address, summary, place }) => `${action} ${address}: ${summary} (${place})`);

test("two clusters of one module stand side by side and do not touch each other", async () => {
  const lab = await clusters();
  expect(summary(await lab.plan())).toEqual([
    "create secret.blue_token: generate password (cluster/module.toml:4)",
    "create secret.green_token: generate password (cluster/module.toml:4)",
    "build image.base: bootstrap debian bookworm (lab.toml:3)",
    "create network.blue-net: 10.42.0.0/24 (cluster/module.toml:5)",
    "create network.green-net: 10.42.0.0/24 (cluster/module.toml:5)",
    "create vm.watch: on base, 1 vCPU, 1 GiB, disk 10 GiB (lab.toml:7)",
    "create vm.blue-cp: on base, 1 vCPU, 1 GiB, disk 10 GiB (cluster/module.toml:9)",
    "create vm.green-cp: on base, 1 vCPU, 1 GiB, disk 10 GiB (cluster/module.toml:9)",
    "create vm.blue-worker-1: on base, 1 vCPU, 1 GiB, disk 10 GiB (cluster/module.toml:12)",
    "create vm.green-worker-1: on base, 1 vCPU, 1 GiB, disk 10 GiB (cluster/module.toml:12)",
  ]);
  expect((await lab.apply()).failures).toEqual([]);
  const state = await lab.state();
  const attributes = (address: string) => state?.resources[address]?.attributes ?? {};
  expect((await lab.machine("blue-cp")).log).toEqual([
    "script cluster/setup.sh",
    "run echo ${secrets.token}",
  ]);
  expect(attributes("secret.blue_token").value).not.toEqual(attributes("secret.green_token").value);
  expect(state?.outputs.token).toMatchObject({
    value: attributes("secret.green_token").value,
    sensitive: true,
  });
  expect(state?.outputs.port?.value).toBe(attributes("vm.green-cp").ssh_port);
  expect((await lab.plan()).changes).toEqual([]);
});

test("a change of one use touches nothing of the other, one of the module both", async () => {
  const lab = await clusters();
  await lab.apply();
  await lab.write("lab.toml", toml(2));
  expect(summary(await lab.plan())).toEqual([
    "update network.blue-net: names +blue-worker-2 (live) (cluster/module.toml:5)",
    "create vm.blue-worker-2: on base, 1 vCPU, 1 GiB, disk 10 GiB (cluster/module.toml:12)",
  ]);
  await lab.write("lab.toml", toml(1));
  await lab.write("cluster/setup.sh", "echo changed");
  expect(summary(await lab.plan())).toEqual([
    "update vm.blue-cp: provisioning (cluster/module.toml:9)",
    "update vm.green-cp: provisioning (cluster/module.toml:9)",
  ]);
  await lab.write("lab.toml", FAKE_HEAD);
  expect((await lab.apply()).failures).toEqual([]);
  expect(await lab.machines()).toEqual([]);
});

test("a saved plan holds the module and the files that it names, and no secret", async () => {
  const lab = await clusters();
  const file = join(lab.root, "plan");
  await writeSavedPlan(lab.effects(), file, await lab.plan());
  const workspace = await lab.workspace();
  expect((await readSavedPlan(workspace, file)).sources.map(({ path }) => path)).toEqual([
    "lab.toml",
    "cluster/module.toml",
    "cluster/setup.sh",
  ]);
  await lab.write("cluster/module.toml", MODULE.replace("10.42", "10.43"));
  await expect(readSavedPlan(await lab.workspace(), file)).rejects.toThrow("plan/stale");
});

test("an input that is known only at apply is checked then", async () => {
  const lab = await clusters();
  await lab.write("cluster/module.toml", MODULE.replace("value >= 0", "value == 0"));
  const { failures } = await lab.apply();
  expect(
    failures.map(({ address, diagnostics }) => [
      address,
      ...diagnostics.map((one) => one.summary.replace(/\d{4,}/, "PORT")),
    ]),
  ).toEqual([
    [
      "vm.green-worker-1",
      'The expression join ${members.cp.ip} ${inputs.port} failed: The input "port" fails its check. The value PORT does not satisfy: value == 0',
    ],
  ]);
});
