/** What a module declares is its own in each use: names, settings, what its expressions read. */
import { describe, expect, test } from "@jest/globals";
import type { NetworkInputs, VmInputs } from "../../../../engine/config/types.ts";
import { resource as find, vm } from "../expanded.ts";
import { LAB, sound, TWO } from "./module-labs.ts";

describe("two uses of one module", () => {
  test("have VMs, networks and secrets of their own, named after the environment", async () => {
    const expansion = await sound(TWO);
    expect(expansion.resources.map(({ address }) => address)).toEqual([
      "secret.blue_token",
      "secret.blue_ca",
      "secret.blue_cert",
      "secret.green_token",
      "secret.green_ca",
      "secret.green_cert",
      "image.b",
      "image.c",
      "network.blue-net",
      "network.green-net",
      "vm.blue-cp",
      "vm.blue-worker-1",
      "vm.green-cp",
      "vm.green-worker-1",
      "vm.green-worker-2",
    ]);
    expect(find(expansion, "network.blue-net").inputs as NetworkInputs).toEqual({
      cidr: "10.42.0.0/24",
      internet: true,
      mtu: 1500,
      members: [
        { name: "blue-cp", ip: "10.42.0.2", environment: "blue" },
        { name: "blue-worker-1", ip: "10.42.0.3", environment: "blue" },
      ],
    });
    expect(find(expansion, "secret.green_cert")).toMatchObject({
      inputs: { ca: "green_ca", hosts: ["10.42.0.2"] },
      dependsOn: ["secret.green_ca"],
    });
  });

  test("take their settings from the module: templates, defaults, inputs, short names", async () => {
    const expansion = await sound(TWO);
    expect(vm(expansion, "blue-cp")).toMatchObject({
      image: "c",
      memory: 512 * 2 ** 20,
      networks: [{ name: "blue-net", ip: "10.42.0.2" }],
      env: {
        TOKEN: { $expr: "${secrets.token}", scope: "vm.blue-cp", sensitive: true },
        API: "10.42.0.2",
      },
      steps: [{ kind: "script", path: "modules/cluster/init.sh" }],
    });
    const worker = find(expansion, "vm.green-worker-2");
    expect(worker.inputs as VmInputs).toMatchObject({
      image: "b",
      env: {
        N: "1",
        ME: "green-worker-2",
        HELLO: { $expr: "${inputs.greeting}", scope: "vm.green-worker-2", sensitive: true },
      },
    });
    expect(worker.environment).toEqual({ environment: "green", member: "worker", key: 2 });
    expect(worker.dependsOn).toEqual([
      "image.b",
      "network.green-net",
      "vm.green-cp",
      "secret.green_token",
      "secret.blue_token",
    ]);
  });

  test("leave what their deferred expressions read in the plan, and no value of a secret", async () => {
    const { modules, scopes } = (await sound(TWO)).values;
    expect(modules?.green?.inputs).toEqual({
      workers: 2,
      image: "b",
      cidr: "10.42.0.0/24",
      greeting: {
        $expr: "${environments.blue.outputs.api} ${environments.blue.outputs.token}",
        scope: "inputs of green",
        sensitive: true,
      },
    });
    expect(modules?.blue).toEqual({
      inputs: { workers: 1, image: "c", cidr: "10.42.0.0/24", greeting: "" },
      outputs: {
        api: "https://10.42.0.2:6443",
        token: { $expr: "${secrets.token}", scope: "outputs of blue", sensitive: true },
        workers: ["blue-worker-1"],
      },
      secrets: { token: "blue_token", ca: "blue_ca", cert: "blue_cert" },
      rules: {},
    });
    expect(scopes["outputs of blue"]).toEqual({
      module: "blue",
      members: { cp: "blue-cp", worker: ["blue-worker-1"] },
    });
  });
});

test("volumes, a strategy and lifecycle rules of a module mean its own things", async () => {
  const expansion = await sound({
    "lab.toml": `${LAB}
environments.x = { source = "m.toml", inputs = { release = "r1" } }
environments.y = { source = "m.toml", inputs = { release = "r1", size = "2GiB" } }`,
    "m.toml": `[inputs]
release = {}
size = { default = "1GiB" }
[secrets.key]
[volumes]
data = { size = "\${inputs.size}" }
[strategy]
max_unavailable = 1
[vms.db]
volumes = [{ name = "data", mount = "/srv" }]
lifecycle = { replace_triggered_by = ["secret.key", "inputs.release"] }
[vms.web]
count = 2
depends_on = ["volume.data"]
`,
  });
  expect(find(expansion, "volume.x-data").inputs).toMatchObject({ size: 2 ** 30 });
  expect(find(expansion, "volume.y-data").inputs).toMatchObject({ size: 2 ** 31 });
  expect(vm(expansion, "y-db").volumes).toMatchObject([{ name: "y-data", mount: "/srv" }]);
  expect(find(expansion, "vm.x-db").lifecycle).toEqual({
    ignored: [],
    triggers: ["secret.x_key"],
    variables: { "inputs.release": expect.any(String) },
  });
  expect(find(expansion, "vm.x-web-2").dependsOn).toEqual(["image.b", "volume.x-data"]);
  expect(find(expansion, "vm.x-web-2").rolling).toEqual({ group: "environment.x", maxUnavailable: 1 });
});
