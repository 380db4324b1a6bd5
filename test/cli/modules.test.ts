/** The commands that read a lab's files, on a lab with a module. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(`${LAB}
[environments]
student = { source = "modules/student", for_each = ["ann", "bob"], inputs = { name = "\${each.key}" } }
`);
  await lab.write(
    "modules/student/module.toml",
    `[inputs]\nname={}\n[vms.pc]\nenv = { NAME = "\${inputs.name}" }\n[outputs]\nhello = { value = "hello \${inputs.name}" }\n`,
  );
});
afterEach(() => lab.remove());

test("validate takes in modules, and shows a mistake in one where it stands", async () => {
  expect((await lab.vmlab(["validate"])).stdout).toContain("Valid. ");
  await lab.write("modules/student/module.toml", "[vms.pc]\ncpu = 2\n");
  const { code, stderr } = await lab.vmlab(["validate"]);
  expect(code).toBe(1);
  expect(stderr).toContain(`Error: vms.pc has no setting "cpu" [config/unknown-key]
  at modules/student/module.toml:2:1
  2 | cpu = 2
    | ^^^
`);
  expect(stderr).toContain("used as environment.student here");
});

test("fmt formats the modules that the lab uses", async () => {
  expect((await lab.vmlab(["fmt", "--check"])).code).toBe(1);
  expect((await lab.vmlab(["fmt"])).stdout).toContain("modules/student/module.toml\n");
  const text = await readFile(join(lab.folder, "modules/student/module.toml"), "utf8");
  expect(text).toContain("name = {}");
  expect(await lab.vmlab(["fmt", "--check"])).toMatchObject({ code: 0, stdout: "" });
});

test("schema --module prints a schema that needs no other", async () => {
  const { stdout } = await lab.vmlab(["schema", "--module"]);
  const schema = JSON.parse(stdout);
  expect(schema.title).toBe("Module");
  expect(Object.keys(schema.definitions)).toContain("Vm");
  expect(stdout).not.toContain("lab.schema.json");
});

test("eval reads a module's outputs", async () => {
  const evaluated = async (expression: string) => JSON.parse((await lab.vmlab(["eval", expression])).stdout);
  expect(await evaluated("environments.student.map(s, s.outputs.hello)")).toEqual(["hello ann", "hello bob"]);
  expect(await evaluated("environments.student_bob.vms[0].name")).toBe("student-bob-pc");
});

test("delete refuses a VM that a module declares, and says where", async () => {
  await lab.vmlab(["apply", "--yes"]);
  const { code, stderr } = await lab.vmlab(["delete", "student-ann-pc", "--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("vm.student-ann-pc is a member of the environment student-ann");
  expect(stderr).toContain("Take [vms.pc] out of modules/student/module.toml, for all who use it");
});
