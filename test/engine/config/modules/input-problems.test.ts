/** What an input of a module cannot be given, and what cannot be made of it. */
import { describe, expect, test } from "@jest/globals";
import { vm } from "../expanded.ts";
import { problems } from "../memory-lab.ts";
import { sound, using } from "./module-labs.ts";

describe("what is wrong with a module", () => {
  test("inputs that are missing, unknown, of another type or against their check", async () => {
    const module = `[inputs]
workers = { type = "integer", description = "How many.", check = "value < 4" }
size = { type = "integer" }
late = { default = "\${vars.x}" }
[vms.a]
`;
    expect(
      await problems(using(module, 'inputs = { workers = 5, wrkers = 1, size = "two" }')),
    ).toBe(`lab.toml:7:25-31 config/unknown-input: The module m.toml has no input "wrkers"
  → Did you mean "workers"?
m.toml:2:66-77 config/variable-check: The input "workers" fails its check
  The value 5 does not satisfy: value < 4
  lab.toml:7:22 the value is given here
m.toml:4:20-31 config/expression-not-allowed: The default of the input "late" holds an expression
  lab.toml:5:15 used as environment.x here
  → A default is a plain value. Write $\${ for a literal \${.
lab.toml:7:44-49 config/wrong-type: The input "size" is not of type integer: "two"
  → A whole number, such as 3.`);
    expect(
      await problems(using(module, "inputs = { workers = 1 }")),
    ).toBe(`lab.toml:5:15-16 config/missing-input: environments.x gives no size to its module
  m.toml:3:8 the module asks for it here
  → Add: inputs = { size = … }, or give the input a default in the module.
m.toml:4:20-31 config/expression-not-allowed: The default of the input "late" holds an expression
  lab.toml:5:15 used as environment.x here
  → A default is a plain value. Write $\${ for a literal \${.`);
    expect(
      await problems(using("inputs.n = { check = 'value' }\n[vms.a]", "inputs.n = 'a'")),
    ).toBe(`m.toml:1:22-29 config/wrong-type: The check of the input "n" is neither true nor false
  lab.toml:7:12 the value is given here`);
  });

  test("what decides which resources there are must be known", async () => {
    expect(
      await problems(
        using(
          `[inputs]
n = { type = "integer" }
[vms.a]
count = "\${inputs.n}"
[vms.b]
count = "\${members.a.size()}"
[networks.net]
cidr = "\${secrets.s}"
`,
          'inputs = { n = "${vms.web.ssh_port}" }',
          "vms.web = {}",
        ),
      ),
    ).toBe(`m.toml:4:19-20 config/bad-expression: inputs.n cannot be used here
  lab.toml:5:15 used as environment.x here
  → What decides which resources there are must be known at once: give the input a plain value or a variable.
m.toml:6:12-19 config/bad-expression: "members" cannot be used here
  lab.toml:5:15 used as environment.x here
  → What decides which resources there are must be known at once: use inputs.
m.toml:8:11-18 config/bad-expression: "secrets" cannot be used here
  lab.toml:5:15 used as environment.x here
  → What decides which resources there are must be known at once: use inputs.`);
  });

  test("a sensitive input takes nothing that stands in clear", async () => {
    const module =
      'inputs.password = { sensitive = true }\n[vms.a]\nlogin = { password = "${inputs.password}" }';
    expect(
      await problems(using(module, 'inputs = { password = "hunter2" }')),
    ).toBe(`lab.toml:7:23-32 config/sensitive-in-clear: The input "password" is sensitive, and its value is not
  What is written in lab.toml or comes from a plain variable is shown and recorded in clear.
  m.toml:1:19 the module says so here
  → Give it a secret of the lab, or a variable with sensitive = true.`);
    const more = 'vars.password = { sensitive = true, default = "hunter2" }';
    const expansion = await sound(using(module, 'inputs = { password = "${vars.password}" }', more));
    expect(vm(expansion, "x-a").login.password).toMatchObject({
      $expr: "${inputs.password}",
      sensitive: true,
    });
    expect(JSON.stringify(expansion.values)).not.toContain("hunter2");
    expect((await sound(using(module, 'inputs = { password = "" }'))).diagnostics).toEqual([]);
  });

  test("inputs that are computed from themselves", async () => {
    expect(
      await problems(
        using(
          'inputs.a = {}\n[vms.v]\n[outputs]\nb = { value = "${inputs.a}" }',
          'inputs = { a = "${environments.x.outputs.b}" }',
        ),
      ),
    ).toBe(`lab.toml:7:16-45 config/reference-cycle: Settings are computed from each other: environments.x.inputs.a → environments.x.outputs.b → environments.x.inputs.a
  → Give one of them a plain value.`);
  });
});
