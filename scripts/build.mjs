// Builds dist/: the bundled command line, the files it reads at run time, and the licences of what it contains.
// dist/ is flat, so that every chunk finds its assets by the same URL: `new URL("assets/…", import.meta.url)`.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { generate } from "./generate.mjs";
import { writeIfChanged } from "./write-if-changed.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const require = createRequire(import.meta.url);

/** What vmlab reads at run time, copied to the same place under dist/assets/. */
const assets = [
  { folder: "schemas", holds: /\.json$/ },
  { folder: "generated", holds: /\.schema\.json$/ },
  { folder: "roles", holds: /./ },
  { folder: "engine", holds: /\.sh$/ },
  { folder: "cli", holds: /\.(bash|zsh|fish)$/ },
  { folder: "providers", holds: /\.(sh|py|pl|tmpl|hcl)$/ },
];

/** @type {import("esbuild").Plugin} */
const formatterPlugin = {
  name: "dprint-toml",
  setup(builder) {
    // The package finds its wasm by __dirname, which an ES module does not have.
    builder.onLoad({ filter: /@dprint[\\/]toml[\\/]index\.js$/ }, () => ({
      contents: `import { fileURLToPath } from "node:url";
        export const getPath = () => fileURLToPath(new URL("dprint-toml.wasm", import.meta.url));`,
    }));
  },
};

await generate();
await mkdir(dist, { recursive: true });
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const result = await build({
  absWorkingDir: root,
  entryPoints: { vmlab: "cli/vmlab.ts" },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  minify: true,
  legalComments: "none",
  banner: { js: `import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);` },
  define: { __VMLAB_VERSION__: JSON.stringify(version) },
  plugins: [formatterPlugin],
  metafile: true,
  write: false,
});

/** @type {Map<string, { contents: string | Uint8Array, mode?: number }>} */
const wanted = new Map();
for (const file of result.outputFiles) {
  const path = relative(dist, file.path);
  wanted.set(path, { contents: file.contents, mode: path === "vmlab.js" ? 0o755 : 0o644 });
}
for (const path of await assetPaths()) {
  wanted.set(join("assets", path), {
    contents: await readFile(join(root, path)),
    mode: /\.(sh|py|pl)$/.test(path) ? 0o755 : 0o644,
  });
}
const inputs = Object.keys(result.metafile.inputs);
for (const { name, wasm } of [{ name: "dprint-toml.wasm", wasm: "@dprint/toml/plugin.wasm" }]) {
  const bundled = inputs.some((input) =>
    input.includes(`node_modules/${wasm.slice(0, wasm.lastIndexOf("/"))}/`),
  );
  if (bundled) wanted.set(name, { contents: await readFile(require.resolve(wasm)) });
}
wanted.set("THIRD-PARTY-LICENSES.txt", { contents: await licences(inputs) });

// New files first and vmlab.js last: at every moment, what it names is there.
const entry = [...wanted].filter(([path]) => path === "vmlab.js");
const others = [...wanted].filter(([path]) => path !== "vmlab.js");
await Promise.all(
  others.map(([path, { contents, mode }]) => writeIfChanged(join(dist, path), contents, mode)),
);
await Promise.all(
  entry.map(([path, { contents, mode }]) => writeIfChanged(join(dist, path), contents, mode)),
);
for (const path of await filesUnder(dist)) {
  if (!wanted.has(path)) await rm(join(dist, path));
}

async function assetPaths() {
  const found = [];
  for (const { folder, holds } of assets) {
    if (!existsSync(join(root, folder))) continue;
    const files = await filesUnder(join(root, folder));
    found.push(...files.filter((path) => holds.test(path)).map((path) => join(folder, path)));
  }
  return found.sort();
}

/**
 * The licence texts that the bundle's packages ask to be kept with copies of them.
 *
 * @param {string[]} inputs
 */
async function licences(inputs) {
  const folders = new Set(
    inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? []),
  );
  const texts = [];
  for (const folder of [...folders].sort()) {
    const manifest = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    const file = (await readdir(join(root, folder))).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? await readFile(join(root, folder, file), "utf8") : "";
    texts.push(`${manifest.name} ${manifest.version} (${manifest.license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/** @param {string} folder */
async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
