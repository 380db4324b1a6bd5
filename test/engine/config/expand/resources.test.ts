/** Which resources the declarations of a lab become. */
import { describe, expect, test } from "@jest/globals";
import { resource, vm } from "../expanded.ts";
import { expand, LAB } from "../memory-lab.ts";

describe("count, for_each and environments", () => {
  const lab = `${LAB}
[vars]
n = { default = 2 }
[vms.web]
count = "\${vars.n}"
env = { I = "\${count.index}" }
[vms.site]
for_each = { red = { size = 3 }, blue = { size = 4 } }
cpus = "\${each.value.size}"
[vms.none]
count = 0
[environments.k8s.vms.cp]
[environments.k8s.vms.worker]
count = "\${vars.n}"
depends_on = ["member.cp"]
env = { CP = "\${members.cp.name}", ALL = "\${members.worker.map(w, w.name).join(',')}", SELF = "\${self.hostname}" }
[environments.k8s.vms.store]
for_each = ["a"]
depends_on = ["vm.web-*", "environment.k8s"]
`;

  test("make the names and addresses that the state keeps", async () => {
    const { resources } = await expand(lab);
    expect(
      resources.filter(({ type }) => type === "vm").map(({ address, environment }) => [address, environment]),
    ).toEqual([
      ["vm.web-1", { member: "web", key: 1 }],
      ["vm.web-2", { member: "web", key: 2 }],
      ["vm.site-red", { member: "site", key: "red" }],
      ["vm.site-blue", { member: "site", key: "blue" }],
      ["vm.k8s-cp", { environment: "k8s", member: "cp" }],
      ["vm.k8s-worker-1", { environment: "k8s", member: "worker", key: 1 }],
      ["vm.k8s-worker-2", { environment: "k8s", member: "worker", key: 2 }],
      ["vm.k8s-store-a", { environment: "k8s", member: "store", key: "a" }],
    ]);
  });

  test("give expressions count, each, self and members", async () => {
    const expansion = await expand(lab);
    expect([vm(expansion, "web-1").env, vm(expansion, "web-2").env]).toEqual([{ I: "0" }, { I: "1" }]);
    expect([vm(expansion, "site-red").cpus, vm(expansion, "site-blue").cpus]).toEqual([3, 4]);
    expect(vm(expansion, "k8s-worker-2").env).toEqual({
      CP: "k8s-cp",
      ALL: "k8s-worker-1,k8s-worker-2",
      SELF: "k8s-worker-2",
    });
  });

  test("resolve depends_on to addresses; a VM in its own glob or environment does not count", async () => {
    const expansion = await expand(lab);
    expect(resource(expansion, "vm.k8s-worker-1").dependsOn).toEqual(["image.b", "vm.k8s-cp"]);
    expect(resource(expansion, "vm.k8s-store-a").dependsOn).toEqual([
      "image.b",
      "vm.web-1",
      "vm.web-2",
      "vm.k8s-cp",
      "vm.k8s-worker-1",
      "vm.k8s-worker-2",
    ]);
  });
});

test("an image that nothing needs is no resource of a plan", async () => {
  const expansion = await expand(`${LAB}[images.spare]\npath = "/spare.img"\n[vms.web]`);
  expect(expansion.resources.map(({ address }) => address)).toEqual(["image.b", "vm.web"]);
  expect(expansion.unneeded?.map(({ address }) => address)).toEqual(["image.spare"]);
});

test("the fake provider makes both VMs and images", async () => {
  const { resources } = await expand(`${LAB.replace('"demo"', '"demo", provider = "fake"')}[vms.web]`);
  expect(resources.map(({ provider }) => provider)).toEqual(["fake", "fake"]);
});
