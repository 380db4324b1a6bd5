// Each schemas/NAME.schema.json becomes generated/validate-NAME.js (exports `validate`, compiled ahead of time),
// its declarations, and generated/NAME-types.ts. One that refers to others also becomes generated/NAME.schema.json, which
// stands alone. Schemas that did not change are skipped. roles/*/role.toml become generated/catalogue.ts.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledSchema } from "./generate/bundle-schema.mjs";
import { generateCatalogue } from "./generate/catalogue.mjs";
import { writeIfChanged } from "./write-if-changed.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const suffix = ".schema.json";

export async function generate() {
  const generator = await Promise.all(
    ["scripts/generate.mjs", "scripts/generate/bundle-schema.mjs", "package-lock.json"].map((file) =>
      readFile(join(root, file)),
    ),
  );
  const files = (await readdir(join(root, "schemas"))).filter((file) => file.endsWith(suffix)).sort();
  await Promise.all(files.map((file) => generateFrom(file.slice(0, -suffix.length), generator)));
  await generateCatalogue(root);
}

/**
 * @param {string} name
 * @param {Buffer[]} generator What else the result depends on.
 */
async function generateFrom(name, generator) {
  const { schema, bundled } = await bundledSchema(root, name);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  const hash = createHash("sha256");
  for (const part of [...generator, text]) hash.update(part);
  const digest = hash.digest("hex");

  const validator = join(root, "generated", `validate-${name}.js`);
  const declarations = join(root, "generated", `validate-${name}.d.ts`);
  const types = join(root, "generated", `${name}-types.ts`);
  const stamp = join(root, "generated", `${name}.sha256`);
  const last = await readFile(stamp, "utf8").catch(() => "");
  const alone = bundled ? [join(root, "generated", `${name}${suffix}`)] : [];
  if (last === digest && [validator, declarations, types, ...alone].every((file) => existsSync(file))) return;

  if (typeof schema.title !== "string") {
    throw new Error(`schemas/${name}${suffix}: the schema has no title, which names the generated type`);
  }
  const header = `// Generated from schemas/${name}${suffix}. Changes made here are lost.\n`;
  for (const file of alone) await writeIfChanged(file, text);
  await writeIfChanged(validator, header + (await validatorCode(schema)));
  await writeIfChanged(types, header + (await typesCode(schema, name)));
  await writeIfChanged(
    declarations,
    `${header}import type { ErrorObject } from "ajv";
import type { ${schema.title} } from "./${name}-types.ts";

/** After a call that answered false, \`errors\` holds everything found. */
export declare const validate: {
  (data: unknown): data is ${schema.title};
  errors?: ErrorObject[] | null;
};
`,
  );
  // Last: an interrupted run starts over.
  await writeIfChanged(stamp, digest);
}

/** @param {import("ajv").AnySchemaObject} schema */
async function validatorCode(schema) {
  const [{ Ajv }, { default: standaloneCode }, { build }] = await Promise.all([
    import("ajv"),
    import("ajv/dist/standalone/index.js"),
    import("esbuild"),
  ]);
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    code: { source: true, esm: true, lines: true },
  });
  for (const keyword of ownKeywords(schema)) ajv.addKeyword(keyword);
  const validate = ajv.compile(schema);
  ajv.removeSchema(schema);
  // Ajv's output still requires its runtime modules: bundling makes it a plain ES module.
  const result = await build({
    stdin: {
      contents: standaloneCode.default(ajv, validate),
      resolveDir: root,
      sourcefile: "validate.js",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    write: false,
  });
  return `${result.outputFiles[0]?.text}`;
}

/**
 * The schema's own annotations (`x-change` and the like), wherever they stand.
 *
 * @param {unknown} node
 * @param {Set<string>} found
 */
function ownKeywords(node, found = new Set()) {
  if (node === null || typeof node !== "object") return found;
  for (const [key, value] of Object.entries(node)) {
    if (key.startsWith("x-")) found.add(key);
    ownKeywords(value, found);
  }
  return found;
}

/**
 * @param {object} schema
 * @param {string} name
 */
async function typesCode(schema, name) {
  const { compile } = await import("json-schema-to-typescript");
  const types = await compile(namedReferences(schema), name, {
    bannerComment: "",
    style: { printWidth: 110 },
    unreachableDefinitions: true,
  });
  return types
    .replaceAll(/(?: \*\s*\n)? \* This interface was referenced by .*\n \* via the `definition` .*\n/g, "")
    .replaceAll(/\/\*\*\n \*\/\n/g, "");
}

/**
 * Replaces each `$ref` to a definition by the definition's name. The generator would otherwise write a copy of the
 * definition (`Vm1`, `Vm2`) wherever the reference carries a description of its own.
 *
 * @template T
 * @param {T} node
 * @returns {T}
 */
function namedReferences(node) {
  if (node === null || typeof node !== "object") return node;
  if (Array.isArray(node)) return /** @type {T} */ (node.map(namedReferences));
  const { $ref, ...rest } = /** @type {Record<string, unknown>} */ (node);
  const definition = typeof $ref === "string" && /^#\/(?:definitions|\$defs)\/(\w+)$/.exec($ref)?.[1];
  return /** @type {T} */ (
    definition
      ? { description: rest.description, tsType: definition }
      : Object.fromEntries(Object.entries(node).map(([key, value]) => [key, namedReferences(value)]))
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generate();
