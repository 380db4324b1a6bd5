import { describe, expect, test } from "@jest/globals";
import { resource as find, vm } from "../expanded.ts";
import { LAB, sound } from "./module-labs.ts";

describe("for_each and count of an environment", () => {
  const lab = (use: string, more = "") => ({
    "lab.toml": `${LAB}
${more}
[environments.student]
source = "student.toml"
${use}
`,
    "student.toml": `
inputs.name = {}
inputs.size = { type = "integer", default = 1 }
[vms.pc]
cpus = "\${inputs.size}"
labels = { of = "\${inputs.name}" }
[outputs]
login = { value = "\${members.pc.name} of \${inputs.name}" }
port = { value = "\${members.pc.ssh_port}" }
`,
  });

  test("make an environment for each key, whose inputs read each", async () => {
    const expansion = await sound(lab('for_each = ["ann", "bob"]\ninputs = { name = "${each.key}" }'));
    expect(vm(expansion, "student-ann-pc").labels).toEqual({ of: "ann" });
    expect(find(expansion, "vm.student-bob-pc").environment).toEqual({
      environment: "student-bob",
      member: "pc",
    });
  });

  test("make numbered environments, and a table gives values", async () => {
    const counted = await sound(lab('count = 2\ninputs = { name = "n${count.index}" }'));
    expect(vm(counted, "student-2-pc").labels).toEqual({ of: "n1" });
    const tabled = await sound(
      lab(
        'for_each = "${vars.who}"\ninputs = { name = "${each.key}", size = "${each.value}" }',
        "vars.who = { default = { ann = 2, bob = 4 } }",
      ),
    );
    expect([vm(tabled, "student-ann-pc").cpus, vm(tabled, "student-bob-pc").cpus]).toEqual([2, 4]);
  });

  test("the lab reads one of them by its name, or all of them as a list", async () => {
    const expansion = await sound(
      lab(
        'for_each = ["ann", "bob"]\ninputs = { name = "${each.key}" }',
        `[vms.web]
env = { ALL = "\${environments.student.map(s, s.outputs.login).join(', ')}", ONE = "\${environments.student[1].vms[0].name}", BY_NAME = "\${environments.student_ann.outputs.login}", PORT = "\${environments.student_bob.outputs.port}" }
depends_on = ["environment.student"]`,
      ),
    );
    expect(vm(expansion, "web").env).toEqual({
      ALL: "student-ann-pc of ann, student-bob-pc of bob",
      ONE: "student-bob-pc",
      BY_NAME: "student-ann-pc of ann",
      PORT: {
        $expr: "${environments.student_bob.outputs.port}",
        scope: "vm.web",
        sensitive: false,
        as: "string",
      },
    });
    expect(find(expansion, "vm.web").dependsOn).toEqual([
      "image.b",
      "vm.student-ann-pc",
      "vm.student-bob-pc",
    ]);
  });
});
