import { describe, expect, test } from "@jest/globals";
import { satisfiesVersion } from "../../../engine/config/tool-version.ts";
import { sha256 } from "../../../engine/json.ts";
import { FOLDER, load, loadValid, show } from "./memory-lab.ts";

test("a lab is read with its settings, limits in bytes, and where each name was declared", async () => {
  const text = `lab = { name = "demo", accel = "tcg", offline = true, vmlab = ">=0.1 <1" }
limits = { memory = "\${vars.gib * 2} GiB", cpus = 4, disk = "20GiB", disk_reserve = 1024 }
[vars]
gib = { default = 4 }
[vms.web]
`;
  const lab = await loadValid(text);
  expect(lab).toMatchObject({
    name: "demo",
    folder: FOLDER,
    provider: "qemu",
    accel: "tcg",
    offline: true,
    limits: { memory: 8 * 2 ** 30, cpus: 4, disk: 20 * 2 ** 30, diskReserve: 1024 },
    sources: [{ path: "lab.toml", sha256: sha256(text) }],
    variables: { gib: { value: 4, sensitive: false } },
  });
  const origin = { file: "lab.toml", path: ["vms", "web"] };
  expect(lab.origins.get("vms.web")).toEqual(origin);
  const range = lab.locate(origin);
  expect(range).toEqual({ file: "lab.toml", start: { line: 5, column: 6 }, end: { line: 5, column: 9 } });
  expect(range === undefined ? undefined : lab.sourceLine(range)).toBe("[vms.web]");
});

test("a folder without lab.toml is told what to do", async () => {
  expect(show((await load({})).diagnostics)).toBe(`config/no-lab-file: There is no lab.toml in /lab
  → vmlab init writes a starter lab.toml here.`);
});

describe("includes", () => {
  test("are found by path and glob, each file once, in a stable order", async () => {
    const lab = await loadValid({
      "lab.toml": 'lab = { name = "x", include = ["a.toml", "*.toml", "envs/**/*.toml", "envs/b?.toml"] }',
      "a.toml": "[vms.a]",
      "c.toml": "[vms.c]",
      ".hidden.toml": "not TOML",
      "envs/b1.toml": "[vms.b1]",
      "envs/deep/er/z.toml": "[vms.z]",
      "envs/.git/x.toml": "not TOML",
      "envs/up": "-> ..",
    });
    expect(lab.sources.map(({ path }) => path)).toEqual([
      "lab.toml",
      "a.toml",
      "c.toml",
      "envs/b1.toml",
      "envs/deep/er/z.toml",
    ]);
    expect(Object.keys(lab.document.vms ?? {})).toEqual(["a", "c", "b1", "z"]);
  });

  test("keep the names of their files in the places of their problems", async () => {
    const { diagnostics } = await load({
      "lab.toml": 'lab = { name = "x", include = ["a.toml"] }\n[vms.web]\ncpus = 0',
      "a.toml": "\n\n[vms.a]\ncpus = 0",
    });
    expect(diagnostics.map(({ range }) => `${range?.file}:${range?.start.line}`)).toEqual([
      "lab.toml:3",
      "a.toml:4",
    ]);
  });
});

describe("variables", () => {
  const declared = (declaration: string) => `lab = { name = "x" }\n[vars]\nv = ${declaration}`;

  test.each([
    ["string", "01", "01"],
    ["integer", "-3", -3],
    ["number", "2.5", 2.5],
    ["boolean", "true", true],
    ["list", "a,b", ["a", "b"]],
    ["list", "[1, 'x']", [1, "x"]],
    ["list", '["a"]', ["a"]],
    ["list", "", []],
    ["map", "{ a = 1 }", { a: 1 }],
    ["map", '{"a": [1]}', { a: [1] }],
  ])("of type %s read %j", async (type, text, value) => {
    const lab = await loadValid(declared(`{ type = "${type}" }`), { assignments: [`v=${text}`] });
    expect(lab.variables.v).toEqual({ value, sensitive: false });
  });

  test("take their type from the default", async () => {
    expect((await loadValid(declared("{ default = 1 }"), { assignments: ["v=2"] })).variables.v?.value).toBe(
      2,
    );
    expect(
      (await loadValid(declared('{ default = "1" }'), { assignments: ["v=2"] })).variables.v?.value,
    ).toBe("2");
  });

  test("come from the default, the environment, var files and --var, the last one wins", async () => {
    const files = {
      "lab.toml": declared('{ default = "d" }'),
      "one.toml": 'v = "one"',
      "two.toml": 'v = "two"',
    };
    const env = { VMLAB_VAR_v: "env" };
    const paths = [`${FOLDER}/one.toml`, `${FOLDER}/two.toml`];
    const value = async (...given: Parameters<typeof load>) => (await loadValid(...given)).variables.v?.value;
    expect(await value(files)).toBe("d");
    expect(await value(files, {}, env)).toBe("env");
    expect(await value(files, {}, { VMLAB_VAR_V: "capitals" })).toBe("capitals");
    expect(await value(files, { files: paths }, env)).toBe("two");
    expect(await value(files, { files: paths, assignments: ["v=a=b"] }, env)).toBe("a=b");
  });

  test("that are sensitive are not shown when they are wrong", async () => {
    const { diagnostics } = await load(
      declared('{ type = "integer", sensitive = true, check = "value > 5" }'),
      {
        assignments: ["v=3"],
      },
    );
    expect(show(diagnostics)).toBe(`lab.toml:3:51-62 config/variable-check: The variable "v" fails its check
  Its value does not satisfy: value > 5
  The value comes from --var v.`);
  });

  test("in var files have places", async () => {
    const { diagnostics } = await load(
      { "lab.toml": declared('{ type = "integer" }'), "p.toml": 'v = "x"\nw = 1' },
      { files: [`${FOLDER}/p.toml`, `${FOLDER}/none.toml`] },
    );
    expect(show(diagnostics)).toBe(`config/no-var-file: There is no file /lab/none.toml
  → --var-file takes the path of a TOML file with NAME = VALUE lines.
p.toml:1:5-8 config/wrong-type: v in p.toml is not of type integer
  → A whole number, such as 3.
p.toml:2:1-2 config/unknown-variable: p.toml sets the variable "w", which the lab does not declare
  → Did you mean "v"?`);
  });
});

test.each([
  ["0.1.0", ">=0.1", true],
  ["0.1.0", ">=0.1 <0.2", true],
  ["0.2.0", ">=0.1 <0.2", false],
  ["1.2.3", "^1.1", true],
  ["2.0.0", "^1.1", false],
  ["0.2.0", "^0.1", false],
  ["1.2.3", "~1.2", true],
  ["1.3.0", "~1.2", false],
  ["1.2.3", "1.2", true],
  ["1.2.3", "=1.2.3", true],
  ["1.2.3", "<=1.2", true],
  ["1.2.3", ">1.2.3", false],
  ["0.1.0-dev", ">=0.1", true],
])("version %s and %s: %s", (version, constraint, expected) => {
  expect(satisfiesVersion(version, constraint)).toBe(expected);
});
