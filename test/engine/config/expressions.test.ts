import { beforeAll, describe, expect, test } from "@jest/globals";
import { deepEvaluate, evaluateDeferred } from "../../../engine/config/evaluate-deferred.ts";
import { evaluateExpression } from "../../../engine/config/evaluate-expression.ts";
import { expandLab } from "../../../engine/config/expand.ts";
import { loadCel } from "../../../engine/config/expressions/cel.ts";
import { literalText, parseTemplate } from "../../../engine/config/expressions/template.ts";
import type { Deferred, VmInputs } from "../../../engine/config/types.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Json, JsonObject } from "../../../engine/json.ts";
import { keyedHash } from "../../../engine/json.ts";
import { loadValid } from "./memory-lab.ts";

describe("templates", () => {
  const parts = (text: string) => {
    const template = parseTemplate(text);
    return "problem" in template
      ? template.problem.summary
      : template.parts.map((part) => (part.kind === "text" ? part.text : [part.text, part.start]));
  };
  test.each<[string, unknown]>([
    ["plain", ["plain"]],
    ["${a}", [["a", 2]]],
    ["x ${a} y ${b}", ["x ", ["a", 4], " y ", ["b", 11]]],
    ["$${a} ${b}", ["${a} ", ["b", 8]]],
    ["$${", ["${"]],
    ["$", ["$"]],
    ["a$b{c}", ["a$b{c}"]],
    ["${ {'}': 1}['}'] }", [[" {'}': 1}['}'] ", 2]]],
    ['${"}" + "\\"}"}', [['"}" + "\\"}"', 2]]],
    ["${r'\\'}", [["r'\\'", 2]]],
    ["${'''}'''}", [["'''}'''", 2]]],
    ["${a // }\n}", [["a // }\n", 2]]],
    ["${", "The expression has no closing brace"],
    ["${ '}", "The expression has no closing brace"],
  ])("%j", (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  test("a literal text has its escapes resolved", () => {
    expect([literalText("a$${b}"), literalText("a"), literalText("${b}")]).toEqual(["a${b}", "a", undefined]);
  });
});

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vars]
n = { default = 3 }
half = { default = 0.5, type = "number" }
name = { default = "x" }
list = { default = ["a", "b"] }
hidden = { default = "hunter2", sensitive = true }
count = { default = 2, sensitive = true }
[secrets]
s = {}
key = { kind = "ssh_key" }
ca = { kind = "ca" }
[vms.web]
ports = ["8080:80", "443"]
labels = { tier = "front", secret = "\${secrets.s}" }
[vms.db]
memory = "2GiB"
cpus = "\${vars.count}"
env = { A = "\${secrets.s}:\${vars.hidden}", B = "\${vms.web.ssh_port}", C = "\${self.name}-\${vms.web.ports['443']}", D = "\${vms.web.labels.secret}", E = "\${self.cpus}" }
ports = ["\${vms.web.ssh_port + 1}:1"]
[environments.k8s.vms.cp]
[environments.k8s.vms.w]
count = 2
env = { ALL = "\${environments.k8s.vms.map(v, v.name).join(' ')} \${string(vms.web.ssh_port)}" }
`;
const RECORDED: Readonly<Record<string, JsonObject>> = {
  "vm.web": { ssh_port: 40022, ports: { "443": 40443 }, id: "abc" },
  "secret.s": { value: "s3cret" },
  "secret.key": { public: "ssh-ed25519 AAAA", private: "-----" },
  "secret.ca": { cert: "CERT", key: "KEY", spki_sha256: "ab12" },
};

describe("eval", () => {
  const evaluate = async (text: string, recorded: Readonly<Record<string, JsonObject>> = RECORDED) => {
    const lab = await loadValid(LAB);
    try {
      return await evaluateExpression(lab, expandLab(lab), text, (address) => recorded[address]);
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      return error.diagnostics.map(({ summary, hint }) => [summary, hint]);
    }
  };
  const plain = (value: Json) => ({ value, sensitive: false });

  test.each<[string, unknown]>([
    ["vars.n + 1", plain(4)],
    ["vars.n * vars.half", plain(1.5)],
    ["512 * MiB == GiB / 2", plain(true)],
    ["vms.db.memory / MiB", plain(2048)],
    ["vms['k8s-cp'].name + vms.k8s_cp.name", plain("k8s-cpk8s-cp")],
    ["vars.list.map(x, x + '!')", plain(["a!", "b!"])],
    ["environments.k8s.vms.map(v, v.name)", plain(["k8s-cp", "k8s-w-1", "k8s-w-2"])],
    ["environments.k8s.vms[0].hostname", plain("k8s-cp")],
    ["vms.map(v, v)", plain(["web", "db", "k8s-cp", "k8s-w-1", "k8s-w-2"])],
    ["vms.all(v, vms[v].memory >= 512 * MiB)", plain(true)],
    ["vms.web.ports['80']", plain(8080)],
    ["vms.web.ports['443']", plain(40443)],
    ["vms.web.ports['22'] == vms.web.ssh_port", plain(true)],
    // Labels are one value: a secret among them makes all of them sensitive.
    ["vms.web.labels.tier", { value: "front", sensitive: true }],
    ["{'a': [1, 2.5], 'b': null}", plain({ a: [1, 2.5], b: null })],
    ["range(3)", plain([0, 1, 2])],
    ["'a-b'.replace('-', '.')", plain("a.b")],
    ["true || vms.db.ssh_port == 1", plain(true)],
    ["vars.n > 1 ? 'a' : secrets.s", plain("a")],
    ["secrets.s", { value: "s3cret", sensitive: true }],
    ["size(secrets.s)", { value: 6, sensitive: true }],
    // The half of a pair that is made to be handed out is no secret.
    ["secrets.key.public", plain("ssh-ed25519 AAAA")],
    ["secrets.key.private", { value: "-----", sensitive: true }],
    ["[secrets.ca.spki_sha256, secrets.ca.cert]", plain(["ab12", "CERT"])],
    ["secrets['ca'].key", { value: "KEY", sensitive: true }],
    ["[secrets.ca].map(s, s.spki_sha256)", plain(["ab12"])],
    ["vars.hidden == 'x' ? 1 : 2", { value: 2, sensitive: true }],
    ["vms.db.ssh_port", [["The value is not known yet", "Apply first: vmlab apply --target vm.db"]]],
    ["vms.wbe.name", [['There is no VM "wbe"', 'Did you mean "web"?']]],
    [
      "vms.k8s-cp.name",
      [['In an expression "k8s-cp" is a subtraction', 'Write vms.k8s_cp or vms["k8s-cp"].']],
    ],
    ["vms.k8s.name", [['There is no VM "k8s"', '"k8s" is an environment: use environments.k8s.vms.']]],
    ["environments.k9s.vms", [['There is no environment "k9s"', 'Did you mean "k8s"?']]],
    [
      "vms.web.adress",
      [
        [
          'A VM has no attribute "adress"',
          "Attributes: name, hostname, image, role, user, cpus, memory, disk, labels, ports, ip, mac, networks, ssh_port, id.",
        ],
      ],
    ],
    [
      "constructor",
      [
        [
          'There is nothing named "constructor"',
          "There are: vars, secrets, vms, environments, members, self, each, count.",
        ],
      ],
    ],
    [
      "secrets.s.cert",
      [['A secret of kind "password" has no attribute "cert"', "It is one value: write secrets.s."]],
    ],
    [
      "secrets.ca.spki",
      [['A secret of kind "ca" has no attribute "spki"', "Declared: cert, key, spki_sha256."]],
    ],
    ["secrets.ca.kye", [['A secret of kind "ca" has no attribute "kye"', 'Did you mean "key"?']]],
    [
      "secrets.ca",
      [
        [
          "secret.ca is more than one value",
          "Name one of them: secrets.ca.cert, secrets.ca.key, secrets.ca.spki_sha256.",
        ],
      ],
    ],
    ["vars.list[7]", [["No such key: index out of bounds, index 7 >= size 2", undefined]]],
    [
      "timestamp('2024-01-01T00:00:00Z')",
      [["the result is neither a string, a number, true or false, a list nor a table", undefined]],
    ],
    ["", [["the expression is empty", undefined]]],
  ])("%s", async (text, expected) => {
    expect(await evaluate(text)).toEqual(expected);
  });
});

describe("what a plan leaves for later", () => {
  const hash = (value: Json) => keyedHash("key", value);
  const expandWith = async (recorded: Readonly<Record<string, JsonObject>>) => {
    const expansion = expandLab(await loadValid(LAB), {
      lineage: "0123456789abcdef",
      recorded: {},
      liveAttributes: (address) => recorded[address],
      hash,
    });
    const inputs = expansion.resources.find(({ name }) => name === "db")?.inputs as VmInputs;
    return { expansion, inputs };
  };
  const deferred = ($expr: string, sensitive: boolean, as: Deferred["as"], value?: Json): Deferred => ({
    $expr,
    scope: "vm.db",
    sensitive,
    ...(as === undefined ? {} : { as }),
    ...(value === undefined ? {} : { hash: hash(value) }),
  });

  beforeAll(async () => {
    await loadCel();
  });

  test("is an expression; sensitive where a secret may flow into it, hashed where it is known", async () => {
    const { inputs, expansion } = await expandWith({});
    expect(inputs.cpus).toEqual(deferred("${vars.count}", true, "cpus", 2));
    expect(inputs.env).toEqual({
      A: deferred("${secrets.s}:${vars.hidden}", true, "string"),
      B: deferred("${vms.web.ssh_port}", false, "string"),
      C: deferred("${self.name}-${vms.web.ports['443']}", false, "string"),
      D: deferred("${vms.web.labels.secret}", true, "string"),
      E: deferred("${self.cpus}", true, "string", "2"),
    });
    expect(inputs.ports).toEqual([deferred("${vms.web.ssh_port + 1}:1", false, "port")]);
    expect(expansion.values.sensitiveVars).toEqual({ count: hash(2), hidden: hash("hunter2") });
    expect(expansion.values.secrets).toEqual(["s"]);
    expect(Object.keys(expansion.values.vms)).toEqual(["web", "db", "k8s-cp", "k8s-w-1", "k8s-w-2"]);
    expect(JSON.stringify(expansion)).not.toContain("hunter2");
  });

  test("is a value as soon as it is recorded, unless it is sensitive", async () => {
    const { inputs, expansion } = await expandWith(RECORDED);
    expect(inputs.env).toEqual({
      A: deferred("${secrets.s}:${vars.hidden}", true, "string", "s3cret:hunter2"),
      B: "40022",
      C: "db-40443",
      D: deferred("${vms.web.labels.secret}", true, "string", "s3cret"),
      E: deferred("${self.cpus}", true, "string", "2"),
    });
    expect(inputs.ports).toEqual(["127.0.0.1:40023:1/tcp"]);
    expect(JSON.stringify(expansion)).not.toContain("s3cret");
  });

  test("comes out at apply as it would have at plan, from JSON and with the sensitive variables given again", async () => {
    const { expansion, inputs } = await expandWith({});
    const context = {
      values: JSON.parse(JSON.stringify(expansion.values)) as typeof expansion.values,
      liveAttributes: (address: string) => RECORDED[address],
      sensitiveVariables: { hidden: "hunter2", count: 2 },
    };
    const evaluated = deepEvaluate(
      JSON.parse(JSON.stringify(inputs)) as Json,
      context,
    ) as unknown as VmInputs;
    expect(evaluated).toMatchObject({
      cpus: 2,
      memory: 2 * 2 ** 30,
      env: { A: "s3cret:hunter2", B: "40022", C: "db-40443", D: "s3cret", E: "2" },
      ports: ["127.0.0.1:40023:1/tcp"],
    });
    const worker = expansion.resources.find(({ name }) => name === "k8s-w-1")?.inputs as VmInputs;
    expect(deepEvaluate(worker.env as Json, context)).toEqual({ ALL: "k8s-cp k8s-w-1 k8s-w-2 40022" });
  });

  test("is a diagnostic at apply when it still cannot be told, or does not fit", async () => {
    const { expansion } = await expandWith({});
    const evaluate = (one: Deferred, ssh_port: Json | undefined) => {
      try {
        return evaluateDeferred(one, {
          values: expansion.values,
          liveAttributes: () => (ssh_port === undefined ? undefined : { ssh_port }),
          sensitiveVariables: {},
        });
      } catch (error) {
        return isDiagnosticsError(error) ? error.diagnostics[0] : error;
      }
    };
    expect(evaluate(deferred("${vms.web.ssh_port}", false, "string"), undefined)).toEqual({
      severity: "error",
      code: "config/value-not-known",
      summary: "The value of ${vms.web.ssh_port} is not known",
      detail: "It comes from vm.web, which has not told it.",
      address: "vm.db",
      hint: "Plan and apply again; name sensitive variables with --var or --var-file.",
    });
    expect(evaluate(deferred("${vms.web.ssh_port}", false, "cpus"), 4000)).toMatchObject({
      code: "config/bad-value",
      summary: "The value of ${vms.web.ssh_port} cannot be 4000",
      detail: "It takes a whole number from 1 to 256.",
    });
    expect(evaluate(deferred("${vms.web.ssh_port / 0}", false, "cpus"), 4000)).toMatchObject({
      code: "config/expression-failed",
      summary: "The expression ${vms.web.ssh_port / 0} failed: division by zero",
    });
  });
});
