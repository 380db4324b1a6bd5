import { describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../../../engine/json.ts";
import { expand, LAB } from "../memory-lab.ts";

describe("order", () => {
  const lab = `${LAB}
[secrets]
s = {}
[vms.a]
ports = ["8080:80", "443"]
[vms.plain]
env = { NAME = "\${vms.a.name}", MEMORY = "\${vms.a.memory / MiB}", PORT = "\${vms.a.ports['80']}" }
[vms.live]
env = { SSH = "\${vms.a.ssh_port}" }
[vms.chosen]
env = { PORT = "\${vms.a.ports['443']}" }
[vms.secret]
env = { S = "\${secrets.s}" }
[vms.through]
labels = { l = "\${vms.a.ssh_port}" }
[vms.indirect]
env = { L = "\${vms.through.labels.l}" }
[environments.e.vms.x]
[environments.e.vms.y]
[vms.looped]
env = { P = "\${environments.e.vms.map(v, string(v.ssh_port)).join(',')}", N = "\${environments.e.vms.map(v, v.name).join(',')}" }
`;
  const dependencies = async (live: Record<string, JsonObject> = {}): Promise<Record<string, string[]>> => {
    const { resources } = await expand(lab, {
      lineage: "0123456789abcdef",
      recorded: {},
      liveAttributes: (address) => live[address],
      hash: () => "h",
    });
    return Object.fromEntries(
      resources
        .filter(({ type }) => type === "vm")
        .map(({ name, dependsOn }) => [name, dependsOn.filter((one) => one !== "image.b")]),
    );
  };
  const expected = {
    a: [],
    plain: [],
    live: ["vm.a"],
    chosen: ["vm.a"],
    secret: ["secret.s"],
    through: ["vm.a"],
    indirect: ["vm.a"],
    "e-x": [],
    "e-y": [],
    looped: ["vm.e-x", "vm.e-y"],
  };

  test("comes from values that only a running VM or the state can tell", async () => {
    expect(await dependencies()).toEqual(expected);
  });

  test("is the same when the values are recorded", async () => {
    const recorded = { ssh_port: 1, ports: { "443": 2 } };
    expect(
      await dependencies({
        "vm.a": recorded,
        "vm.e-x": recorded,
        "vm.e-y": recorded,
        "secret.s": { value: "v" },
      }),
    ).toEqual(expected);
  });
});
