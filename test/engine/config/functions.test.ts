import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evaluateExpression } from "../../../engine/config/evaluate-expression.ts";
import { expandLab } from "../../../engine/config/expand.ts";
import type { Lab, VmInputs } from "../../../engine/config/types.ts";
import { loadValid, problems } from "./memory-lab.ts";

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vms.web]
`;

const webEnv = (lab: Lab) =>
  expandLab(lab).resources.flatMap(({ address, inputs }) =>
    address === "vm.web" ? [(inputs as VmInputs).env] : [],
  )[0];

const page = readFileSync(join(import.meta.dirname, "../../../docs/language.md"), "utf8");

describe("the examples of docs/language.md", () => {
  const rows = [...page.matchAll(/^\| `(.+?)` +\| `(.+?)` +\|/gm)].map(([, expression = "", value = ""]) => [
    expression.replaceAll("\\|", "|"),
    value,
  ]);

  test("are there", () => {
    expect(rows.length).toBeGreaterThan(15);
  });

  test.each(rows)("%s is %s", async (expression, value) => {
    const lab = await loadValid({
      "lab.toml": `${LAB}env = { X = "\${file('motd.txt')}" }\n[vms.db]\nmemory = "2GiB"\n`,
      "motd.txt": "welcome\n",
    });
    const result = await evaluateExpression(lab, expandLab(lab), expression ?? "", () => undefined);
    expect(JSON.stringify(result.value)).toBe(value);
  });
});

describe("file", () => {
  const files = (expression: string, more: Record<string, string> = {}) => ({
    "lab.toml": `${LAB}env = { X = "${expression}" }\n`,
    ...more,
  });

  test("is the text of a file, which becomes a source of the lab", async () => {
    const lab = await loadValid(files("<${file('a/motd.txt')}>", { "a/motd.txt": "hällo\n" }));
    expect(webEnv(lab)).toEqual({ X: "<hällo\n>" });
    expect(lab.sources.map(({ path }) => path)).toEqual(["lab.toml", "a/motd.txt"]);
  });

  test.each([
    ["${file('no.txt')}", "4:16-30", "there is no file no.txt in the lab's folder"],
    ["${file('../x')}", "4:16-28", "../x is outside of the lab's folder"],
    ["${file('/etc/passwd')}", "4:16-35", "/etc/passwd is outside of the lab's folder"],
    ["${file('link')}", "4:16-28", "A symbolic link on this path leads out of the lab's folder."],
    ["${file('folder')}", "4:16-30", "folder is not a file"],
    [
      "${file('a' + '.txt')}",
      "4:16-34",
      'file() takes a path written out in lab.toml, such as file("motd.txt"), so that a plan knows its files',
    ],
  ])("%s: the message points at it", async (expression, place, message) => {
    const found = await problems(
      files(expression, {
        link: "-> ../../etc/passwd",
        "../etc/passwd": "x",
        "folder/x": "",
        "a.txt": "",
      }),
    );
    expect(found).toBe(`lab.toml:${place} config/bad-expression: ${message}`);
  });
});

describe("a wrong argument", () => {
  test.each([
    ["cidrHost('10.0.0.0/30', 4)", "4:20-46", "cidrHost(): 10.0.0.0/30 has no address 4"],
    ["cidrHost('10.0.0.0', 1)", "4:20-43", 'cidrHost() takes a network such as "10.42.0.0/24"'],
    ["cidrNetmask('x')", "4:20-36", 'cidrNetmask() takes a network such as "10.42.0.0/24"'],
    ["base64decode('?')", "4:20-37", "base64decode() takes base64"],
    ["base64decode('/w==')", "4:20-40", "what base64decode() finds is no text"],
    ["toJson(vms.web)", "4:20-35", "vm.web is a whole resource: name one of its attributes"],
    ["sha256(1)", "4:20-29", "found no matching overload for 'sha256(int)'"],
  ])("%s is pointed at", async (expression, place, message) => {
    const toml = `${LAB}labels = { a = "x \${'' + ${expression}}" }\n`;
    const [start = 0, end = 0] = place.slice(2).split("-").map(Number);
    const shift = toml.split("\n")[3]?.indexOf(expression) ?? 0;
    const at = `4:${start - 20 + shift + 1}-${end - 20 + shift + 1}`;
    expect(await problems(toml)).toBe(`lab.toml:${at} config/bad-expression: ${message}`);
  });
});

test("what is computed from a secret stays one", async () => {
  const lab = await loadValid(`${LAB}env = { A = "\${sha256(secrets.s)}", B = "\${toJson([secrets.s])}" }
[secrets]
s = {}
`);
  expect(webEnv(lab)).toMatchObject({ A: { sensitive: true }, B: { sensitive: true } });
});
