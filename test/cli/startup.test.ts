import { expect, test } from "@jest/globals";
import { build } from "esbuild";

const root = new URL("../../", import.meta.url).pathname;

test("the entry point imports nothing before it has answered --version", async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { vmlab: "cli/vmlab.ts" },
    outdir: "out",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    write: false,
    metafile: true,
  });
  const entry = Object.values(metafile.outputs).find((output) => output.entryPoint === "cli/vmlab.ts");
  expect(entry?.imports.map(({ kind }) => kind)).toEqual(["dynamic-import"]);
});

test("the command table loads no command: each is an import of its own", async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: "cli/main.ts" },
    outdir: "out",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    write: false,
    metafile: true,
  });
  const outputs = Object.entries(metafile.outputs);
  const main = outputs.find(([, output]) => output.entryPoint === "cli/main.ts");
  const inputs = new Set<string>();
  const open = main === undefined ? [] : [main[0]];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const output = metafile.outputs[path];
    if (output === undefined) continue;
    for (const input of Object.keys(output.inputs)) inputs.add(input);
    open.push(
      ...output.imports
        .filter(({ kind, external }) => kind === "import-statement" && external !== true)
        .map(({ path: to }) => to),
    );
  }
  expect([...inputs].filter((input) => /^(cli\/commands|providers)\//.test(input))).toEqual([]);
});
