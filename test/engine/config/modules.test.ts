/** Modules as environments: names, what they see, inputs, outputs, and what is wrong with them. */
import { describe, expect, test } from "@jest/globals";
import { resolveFiles } from "../../../engine/config/resolve-files.ts";
import type { Expansion, NetworkInputs, Resource, VmInputs } from "../../../engine/config/types.ts";
import { expand, loadValid, memoryEffects, problems, show } from "./memory-lab.ts";

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
images.c = { bootstrap = { distribution = "debian", suite = "trixie" } }
`;

const CLUSTER = `
[inputs]
workers = { type = "integer", default = 2, check = "value >= 1" }
image = { default = "b" }
cidr = { default = "10.42.0.0/24" }
greeting = { default = "" }
[secrets]
token = { pattern = '[a-z]{6}' }
ca = { kind = "ca" }
cert = { kind = "cert", ca = "ca", hosts = ["\${members.cp.ip}"] }
[templates.small]
memory = "512MiB"
[networks]
net = { cidr = "\${inputs.cidr}" }
[defaults]
template = "small"
image = "\${inputs.image}"
networks = [{ name = "net" }]
[env]
TOKEN = "\${secrets.token}"
API = "\${members.cp.networks.net.ip}"
[vms.cp]
scripts = ["init.sh"]
[vms.worker]
count = "\${inputs.workers}"
depends_on = ["vm.cp", "network.net", "secret.token"]
env = { N = "\${count.index}", ME = "\${self.name}", HELLO = "\${inputs.greeting}" }
[outputs]
api = { value = "https://\${members.cp.ip}:6443" }
token = { value = "\${secrets.token}" }
workers = { value = "\${members.worker.map(w, w.name)}" }
`;

function find(expansion: Expansion, address: string): Resource {
  const found = expansion.resources.find((one) => one.address === address);
  if (found === undefined) throw new Error(`no ${address}`);
  return found;
}

const vm = (expansion: Expansion, name: string) => find(expansion, `vm.${name}`).inputs as VmInputs;

async function sound(files: Record<string, string>): Promise<Expansion> {
  const expansion = await expand(files);
  expect(expansion.diagnostics).toEqual([]);
  return expansion;
}

const TWO = {
  "lab.toml": `${LAB}
vars.n = { default = 1 }
[environments.blue]
source = "modules/cluster"
inputs = { workers = "\${vars.n}", image = "c" }
[environments.green]
source = "modules/cluster/module.toml"
inputs = { greeting = "\${environments.blue.outputs.api} \${environments.blue.outputs.token}" }
`,
  "modules/cluster/module.toml": CLUSTER,
};

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

test("a module is read once and its text is a source of the lab; its files are hashed", async () => {
  const files = { ...TWO, "modules/cluster/init.sh": "echo" };
  const lab = await loadValid(files);
  expect(lab.sources.map(({ path }) => path)).toEqual(["lab.toml", "modules/cluster/module.toml"]);
  const effects = memoryEffects(files);
  const resolved = await resolveFiles(effects, lab, await expand(files));
  expect(resolved.diagnostics).toEqual([]);
  expect(resolved.files.map(({ path }) => path)).toEqual(["modules/cluster/init.sh"]);
});

test("a file that a module names and that is not there is told where the module names it", async () => {
  const lab = await loadValid(TWO);
  const { diagnostics } = await resolveFiles(memoryEffects(TWO), lab, await expand(TWO));
  expect(
    show(diagnostics),
  ).toBe(`modules/cluster/module.toml:23:12-21 config/no-file: There is no file modules/cluster/init.sh
  lab.toml:6:15 used as environment.blue here
  → Paths are relative to the file that declares them: make init.sh, or correct the path.`);
});

describe("what is wrong with a module", () => {
  const using = (module: string, use = "", more = "") => ({
    "lab.toml": `${LAB}${more}
[environments.x]
source = "m.toml"
${use}`,
    "m.toml": module,
  });

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

  test("names that two declarations make, or that are too long", async () => {
    expect(
      await problems(
        using(
          `[networks.net]
cidr = "10.0.0.0/24"
[secrets.token]
[vms.a]
[vms.abcdefghijklmnopqrstuvwxyz-abcdefghijkl]
[networks.abcdefghijklmnopqrstuvwxyz-abcdefghijkl]
cidr = "10.0.0.0/24"`,
          "",
          `networks.x-net = { cidr = "10.0.0.0/24" }
secrets.x_token = {}
vms.x-a = {}`,
        ),
      ),
    ).toBe(`m.toml:1:11-14 config/name-clash: Two declarations make a network named "x-net"
  lab.toml:4:10 the other one
  lab.toml:7:15 used as environment.x here
  → Rename one of them: what a module declares is named after the environment that uses it.
m.toml:3:10-15 config/name-clash: Two declarations make a secret named "x_token"
  lab.toml:5:9 the other one
  lab.toml:7:15 used as environment.x here
  → Rename one of them: what a module declares is named after the environment that uses it.
m.toml:6:11-50 config/name-too-long: The name "x-abcdefghijklmnopqrstuvwxyz-abcdefghijkl" has 41 characters
  It is the network's address: 40 characters at most.
  lab.toml:7:15 used as environment.x here
  → Shorten the name of the environment, the key, or the name in the module.`);
    expect(
      await problems({
        "lab.toml": `${LAB}
environments.s = { source = "m.toml", for_each = ["a", "b"] }
environments.s-a = { source = "m.toml" }
environments.s-b = { vms = { v = {} } }
environments.t = { source = "m.toml", for_each = ["A_b"] }`,
        "m.toml": "[vms.a]",
      }),
    ).toBe(`lab.toml:6:14-17 config/name-clash: Two declarations make an environment named "s-a"
  lab.toml:5:14 the other one
  → Rename one of them: what a module declares is named after the environment that uses it.
lab.toml:7:14-17 config/name-clash: Two declarations make an environment named "s-b"
  lab.toml:5:14 the other one
  → Rename one of them: what a module declares is named after the environment that uses it.
lab.toml:8:14-15 config/bad-name: "t-A_b" cannot be the name of an environment
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → for_each takes keys that can stand at the end of such a name.`);
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

  test("settings of an environment that do not go together", async () => {
    expect(
      await problems({
        "lab.toml": `${LAB}
[environments.a]
source = "m.toml"
defaults = { cpus = 2 }
[environments.a.vms.b]
[environments.c]
for_each = ["x"]
inputs = {}
vms.d = {}
[environments.e]`,
        "m.toml": "[vms.a]",
      }),
    ).toBe(`lab.toml:7:1-9 config/not-allowed-here: environments.a has a module: defaults belongs into the module
  → What differs from one use to another is an input of the module.
lab.toml:8:17-20 config/not-allowed-here: environments.a has a module: vms belongs into the module
  → What differs from one use to another is an input of the module.
lab.toml:10:1-9 config/not-allowed-here: for_each is not allowed in an environment without a source
  → Put the members into a module, and name it with source.
lab.toml:11:1-7 config/not-allowed-here: inputs is not allowed in an environment without a source
  → Put the members into a module, and name it with source.
lab.toml:13:15-16 config/missing-key: environments.e lacks vms
  An environment has its members, or a module that declares them.
  → Add: [environments.e.vms.NAME], or source = "PATH"`);
  });

  test("a source that is not a module inside the lab", async () => {
    expect(
      await problems({
        "lab.toml": `${LAB}
environments.a = { source = "../shared" }
environments.b = { source = "/srv/module" }
environments.c = { source = "modules/none" }
environments.d = { source = "\${vars.x}" }
environments.e = { source = "link" }
environments.f = { source = "broken.toml" }`,
        link: "-> ../elsewhere",
        "../elsewhere/module.toml": "[vms.a]",
        "broken.toml": "vms = ",
      }),
    ).toBe(`broken.toml:1:7-7 config/toml-syntax: Not valid TOML: unspecified values are invalid
lab.toml:5:29-40 config/path-outside: ../shared is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.
lab.toml:6:29-42 config/path-outside: /srv/module is outside of the lab's folder
  Files of a lab are named relative to the file that declares them, so that the lab can move.
  → Put the file into the lab's folder and name it from there.
lab.toml:7:29-43 config/no-module: There is no module at modules/none
  vmlab looked for modules/none/module.toml.
  → A source names a folder with a module.toml, or a TOML file, relative to the file that uses it.
lab.toml:8:29-40 config/expression-not-allowed: The source of an environment holds an expression
  Modules are read before anything is evaluated.
  → Write the path itself.
lab.toml:9:29-35 config/path-outside: link is outside of the lab's folder
  A symbolic link on this path leads out of the lab's folder.
  → Put the file itself into the lab's folder.`);
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
