import { describe, expect, test } from "@jest/globals";
import type { Expansion, VmInputs } from "../../../engine/config/types.ts";
import { expand, problems } from "./memory-lab.ts";

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
roles.r = { image = "b", packages = ["git"] }
`;

function vm(expansion: Expansion, name: string): { inputs: VmInputs; dependsOn: readonly string[] } {
  const found = expansion.resources.find(({ address }) => address === `vm.${name}`);
  if (found === undefined) throw new Error(`no vm.${name}`);
  return { inputs: found.inputs as VmInputs, dependsOn: found.dependsOn };
}

describe("a clone", () => {
  test("comes after its source and takes over what the machine is made of, through other clones too", async () => {
    const expansion = await expand(`${LAB}
[vms.gold]
role = "r"
memory = "2GiB"
cpus = 2
disk = "20GiB"
login = { user = "anna" }
run = ["true"]
[vms.copy]
clone = "gold"
memory = "3GiB"
[vms.copy-of-copy]
clone = { vm = "copy", snapshot = "s", full = true }
`);
    expect(vm(expansion, "copy")).toMatchObject({
      inputs: {
        role: "r",
        clone: { vm: "gold", full: false },
        memory: 3 * 2 ** 30,
        cpus: 2,
        disk: 20 * 2 ** 30,
        login: { user: "anna" },
        steps: [],
      },
      dependsOn: ["role.r", "vm.gold"],
    });
    expect(vm(expansion, "copy-of-copy").inputs).toMatchObject({
      role: "r",
      clone: { vm: "copy", snapshot: "s", full: true },
      memory: 3 * 2 ** 30,
      cpus: 2,
    });
  });

  test("may be counted, and name a member of its environment", async () => {
    const expansion = await expand(`${LAB}
[environments.c.vms.gold]
memory = "2GiB"
[environments.c.vms.student]
count = 2
clone = "member.gold"
`);
    expect(vm(expansion, "c-student-2")).toMatchObject({
      inputs: { image: "b", clone: { vm: "c-gold", full: false }, memory: 2 * 2 ** 30 },
      dependsOn: ["image.b", "vm.c-gold"],
    });
  });

  test("stands on an image of its own where the VM itself says so", async () => {
    const expansion = await expand(`${LAB}
[vms.gold]
[templates.copied]
clone = "gold"
[vms.other]
template = "copied"
role = "r"
`);
    expect(vm(expansion, "other").inputs).not.toHaveProperty("clone");
  });

  test("that exists is what it was made, whatever has become of its source", async () => {
    const inputs = {
      image: "old",
      clone: { vm: "gone", full: false },
      cpus: 4,
      memory: 2 ** 31,
      disk: 2 ** 34,
    };
    const expansion = await expand(`${LAB}[vms.copy]\nclone = "gone"\n`, {
      lineage: "",
      recorded: {
        "vm.copy": { inputs: { ...inputs, firmware: "uefi", machine: "pc-1", login: { user: "anna" } } },
      },
      liveAttributes: () => undefined,
      hash: () => "",
    });
    expect(vm(expansion, "copy")).toMatchObject({
      inputs: { ...inputs, firmware: "uefi", machine: "pc-1", login: { user: "anna" } },
      dependsOn: [],
    });
  });
});

describe("is refused:", () => {
  test.each([
    ['[vms.a]\nclone = "wep"\n[vms.web]', 'There is no VM "wep" to clone'],
    ['[vms.a]\nclone = "b"\n[vms.b]\nclone = "a"', "VMs are clones of each other: a → b → a"],
    ['[vms.a]\nclone = "a"', "VMs are clones of each other: a → a"],
    [
      '[vms.w]\n[vms.a]\nclone = "w"\nrole = "r"',
      "A clone stands on what the VM stands on that it is a clone of, not on a role of its own",
    ],
  ])("%s", async (toml, summary) => {
    expect(await problems(`${LAB}${toml}\n`)).toContain(summary);
  });
});
