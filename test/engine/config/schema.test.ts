import { expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import { changeClassOf } from "../../../engine/config/change-classes.ts";
import { resolved, type SchemaNode, schema } from "../../../engine/config/schema.ts";
import { parseDuration, parseSize } from "../../../engine/config/sizes.ts";
import labSchema from "../../../schemas/lab.schema.json" with { type: "json" };

/** Every property of the schema: `Vm.cpus`. */
function properties(): [string, SchemaNode][] {
  const found: [string, SchemaNode][] = [];
  for (const [name, node] of [["", schema] as const, ...Object.entries(schema.definitions ?? {})]) {
    for (const [key, property] of Object.entries(node.properties ?? {}))
      found.push([`${name}.${key}`, property]);
  }
  return found;
}

test("every property and every definition has a description that ends as a sentence", () => {
  const all = [...properties(), ...Object.entries(schema.definitions ?? {})];
  expect(all.filter(([, node]) => !/[.)]$/.test(node.description ?? "")).map(([name]) => name)).toEqual([]);
});

test("every property has an example, unless it takes one of a few words", () => {
  const plain = ({ enum: words, type }: SchemaNode) => words !== undefined || type === "boolean";
  const without = properties().filter(([, node]) => {
    const { examples = [], ...rest } = resolved(node) as SchemaNode & { examples?: unknown[] };
    return examples.length === 0 && !plain(rest);
  });
  expect(without.map(([name]) => name)).toEqual([]);
});

test("every pattern says in words what it wants", () => {
  const silent = [...properties(), ...Object.entries(schema.definitions ?? {})].filter(([name, node]) => {
    const nodes = [node, ...(node.items === undefined ? [] : [node.items])];
    return (
      name !== "Expression" &&
      nodes.some((one) => one.pattern !== undefined && one["x-expects"] === undefined)
    );
  });
  expect(silent.map(([name]) => name)).toEqual([]);
});

test("defaults and examples are valid", () => {
  const ajv = new Ajv({ strict: false });
  ajv.addSchema(labSchema, "lab");
  const wrong: string[] = [];
  const tables = [
    ["", schema] as const,
    ...Object.entries(schema.definitions ?? {}).map(
      ([name, node]) => [`/definitions/${name}`, node] as const,
    ),
  ];
  for (const [path, table] of tables) {
    for (const [key, node] of Object.entries(table.properties ?? {})) {
      const validate = ajv.compile({ $ref: `lab#${path}/properties/${key}` });
      const { examples = [] } = resolved(node) as { examples?: unknown[] };
      const values = [...examples, ...(node.default === undefined ? [] : [node.default])];
      for (const value of values)
        if (!validate(value)) wrong.push(`${path}.${key}: ${JSON.stringify(value)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("changes are carried out as the schema says", () => {
  const classes = [
    ["memory"],
    ["cpus"],
    ["disk"],
    ["image"],
    ["machine"],
    ["ports"],
    ["labels"],
    ["labels", "tier"],
    ["env"],
    ["env", "A"],
    ["steps"],
    ["run"],
    ["login", "user"],
    ["login", "password"],
    ["login", "keys"],
    ["power"],
    ["timeouts", "bootMs"],
    ["ready", "command"],
    ["url"],
    ["bootstrap", "size"],
    ["user"],
    ["pattern"],
    ["login"],
    ["none"],
  ].map((path) => [path.join("."), changeClassOf(path)]);
  expect(Object.fromEntries(classes)).toEqual({
    memory: "restart",
    cpus: "restart",
    disk: "grow",
    image: "replace",
    machine: "replace",
    ports: "live",
    labels: "live",
    "labels.tier": "live",
    env: "provision",
    "env.A": "provision",
    steps: "provision",
    run: "provision",
    "login.user": "replace",
    "login.password": "live",
    "login.keys": "live",
    power: "live",
    "timeouts.bootMs": "live",
    "ready.command": "live",
    url: "replace",
    "bootstrap.size": "replace",
    user: "live",
    pattern: "replace",
    login: undefined,
    none: undefined,
  });
});

test.each([
  ["512MiB", 512 * 2 ** 20],
  ["2GiB", 2 ** 31],
  ["10GB", 1e10],
  ["1.5 GiB", 1.5 * 2 ** 30],
  ["1k", 1000],
  ["64", 64],
  [4096, 4096],
  ["0", undefined],
  [0, undefined],
  ["-1GiB", undefined],
  ["1GIB", undefined],
  ["", undefined],
  [1.5, undefined],
  ["9999999TiB", undefined],
])("size %j is %j bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["1h1m1s", 3_661_000],
  ["", undefined],
  ["5", undefined],
  ["5 m", undefined],
  ["1m1h", undefined],
  [5, undefined],
])("duration %j is %j ms", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
