/** What a module and the lab around it do not see of each other. */
import { describe, expect, test } from "@jest/globals";
import { problems } from "../memory-lab.ts";
import { using } from "./module-labs.ts";

describe("what is wrong with a module", () => {
  test("its own mistakes stand in its own file, and say who uses it", async () => {
    expect(
      await problems(
        using(`[vars]
[vms.a]
cpu = 2
memory = "lots"
[images.b]
url = "x"
[environments.y.vms.z]
`),
      ),
    ).toBe(`m.toml:1:2-6 config/unknown-key: There is no table [vars]
  lab.toml:5:15 used as environment.x here
  → A module has [inputs], which the environment that uses it fills.
m.toml:3:1-4 config/unknown-key: vms.a has no setting "cpu"
  lab.toml:5:15 used as environment.x here
  → vmlab calls it cpus.
m.toml:4:10-16 config/bad-value: vms.a.memory cannot be "lots"
  vms.a.memory takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.
  lab.toml:5:15 used as environment.x here
m.toml:5:2-8 config/unknown-key: There is no table [images]
  lab.toml:5:15 used as environment.x here
  → Images belong to the lab: name one of its images, or take the name as an input.
m.toml:7:2-14 config/unknown-key: There is no table [environments]
  lab.toml:5:15 used as environment.x here
  → A module is one environment: its members are its [vms]. It cannot use other modules.`);
  });

  test("what it does not see is refused with what to do instead", async () => {
    expect(
      await problems(
        using(
          `[inputs]
n = { type = "integer" }
[templates.t]
[vms.a]
template = "lab-template"
networks = [{ name = "lab-net" }, { name = "nte" }]
[networks.net]
cidr = "10.0.0.0/24"
`,
          "inputs = { n = 1 }",
          `templates.lab-template = {}
networks.lab-net = { cidr = "10.1.0.0/24" }
vars.v = { default = "" }
secrets.s = {}
vms.other = {}`,
        ),
      ),
    ).toBe(`m.toml:5:12-26 config/unknown-reference: The module has no template "lab-template"
  lab.toml:9:15 used as environment.x here
  → A module sees only what it declares itself: declare [templates.lab-template] in it.
m.toml:6:22-31 config/unknown-reference: The module has no network "lab-net"
  lab.toml:9:15 used as environment.x here
  → A module sees only what it declares itself: declare [networks.lab-net] in it.
m.toml:6:44-49 config/unknown-reference: The module has no network "nte"
  lab.toml:9:15 used as environment.x here
  → Did you mean "net"?`);
    expect(
      await problems(
        using(
          `[vms.a]
env = { A = "\${vars.v}", B = "\${vms.other.name}", C = "\${environments.x.vms}", D = "\${secrets.s}", E = "\${inputs.m}", F = "\${foo}" }
depends_on = ["vm.other", "environment.x", "secret.s", "member.b"]
image = "nope"
`,
          "",
          `vars.v = { default = "" }
secrets.s = {}
vms.other = {}`,
        ),
      ),
    ).toBe(`m.toml:2:16-20 config/bad-expression: "vars" cannot be seen from inside a module
  lab.toml:7:15 used as environment.x here
  → Declare an input, and pass the variable where the module is used: inputs = { NAME = "\${vars.NAME}" }.
m.toml:2:33-36 config/bad-expression: "vms" cannot be seen from inside a module
  lab.toml:7:15 used as environment.x here
  → Its own VMs are members.NAME. Pass what it needs of others as an input.
m.toml:2:58-70 config/bad-expression: "environments" cannot be seen from inside a module
  lab.toml:7:15 used as environment.x here
  → Its own VMs are members.NAME. Pass what it needs of others as an input.
m.toml:2:95-96 config/bad-expression: There is no secret "s"
  lab.toml:7:15 used as environment.x here
  → A module sees its own secrets. Pass one of the lab's as an input: inputs = { NAME = "\${secrets.s}" }.
m.toml:2:114-115 config/bad-expression: The module has no input "m"
  lab.toml:7:15 used as environment.x here
  → The module declares no inputs.
m.toml:2:126-129 config/bad-expression: There is nothing named "foo"
  lab.toml:7:15 used as environment.x here
  → There are: inputs, secrets, members, self, each, count.
m.toml:3:15-25 config/unknown-reference: There is no VM "other"
  lab.toml:7:15 used as environment.x here
  → A module sees only what it declares itself.
m.toml:3:27-42 config/unknown-reference: There is no environment "x"
  lab.toml:7:15 used as environment.x here
  → A module sees only what it declares itself.
m.toml:3:44-54 config/unknown-reference: There is no secret "s"
  lab.toml:7:15 used as environment.x here
  → A module sees only what it declares itself.
m.toml:3:56-66 config/unknown-reference: There is no member "b"
  lab.toml:7:15 used as environment.x here
  → Did you mean "a"?
m.toml:4:9-15 config/unknown-reference: There is no image "nope"
  lab.toml:7:15 used as environment.x here
  → Declared: b, c.`);
  });

  test("expressions of the lab that read what a module does not offer", async () => {
    expect(
      await problems(
        using(
          "[vms.a]\n[outputs]\nport = { value = 1 }",
          "",
          `environments.e = { vms = { z = {} } }
environments.g = { source = "m.toml", count = 2 }
vms.web = { env = { A = "\${environments.x.outputs.prot}", B = "\${environments.e.outputs.port}", C = "\${environments.g.vms}", D = "\${environments.g[2].vms}", E = "\${inputs.a}", F = "\${environments.x.out}" } }`,
        ),
      ),
    ).toBe(`lab.toml:6:51-55 config/bad-expression: environment.x has no output "prot"
  → Did you mean "port"?
lab.toml:6:81-88 config/bad-expression: environment.e has no outputs
  → Only an environment with a source has outputs: those of its module.
lab.toml:6:119-122 config/bad-expression: environments.g is a list of environments
  → Use map(e, …), an index such as [0], or one of them by name, such as environments.g_1.
lab.toml:6:148-149 config/bad-expression: environments.g is a list of environments
  → It has 2 elements.
lab.toml:6:165-171 config/bad-expression: inputs exists only inside a module
  → Use vars.
lab.toml:6:199-202 config/bad-expression: An environment has no "out"
  → There is environments.x.vms, a list, and environments.x.outputs.`);
  });
});
