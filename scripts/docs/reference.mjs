// docs/reference.md, from the schemas of lab.toml, of modules and of the host's config.toml.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundledSchema } from "../generate/bundle-schema.mjs";
import { item, wrap } from "./markdown.mjs";
import { anchor } from "./troubleshooting.mjs";

/** @typedef {Record<string, any>} Node a schema, or a part of one */
/** @typedef {{ readonly paths: string[], readonly node: Node, readonly about: string }} Table */

const INTRO = `# lab.toml and config.toml

<!-- Generated from schemas/: npm run docs. Changes made here are lost. -->

\`lab.toml\` lies in the lab's folder and declares the lab; \`config.toml\` lies in \`VMLAB_HOME\` and holds settings of the
host. Both are TOML. \`vmlab validate\` checks a lab; \`#:schema\` with the output of \`vmlab schema\` makes editors complete
and check it. A setting that is not listed here does not exist.

How a change of a setting is carried out:

- **live**: while the machine runs.
- **restart**: the machine is stopped, changed and started again.
- **grow**: in place, also while it runs. Smaller is refused.
- **provision**: as \`on_change\` says; by default steps run again from the first that changed.
- **replace**: a new machine (image, secret) takes the place of the old one. The old disk goes to the trash.

Settings without one of these words say how vmlab works, or act through other settings.
`;

const CHANGES = new Set(["live", "restart", "grow", "provision", "replace"]);

/** @param {string} root folder of the sources */
export async function referencePage(root) {
  const [lab, host] = await Promise.all(
    ["lab", "host-config"].map(async (name) =>
      JSON.parse(await readFile(join(root, "schemas", `${name}.schema.json`), "utf8")),
    ),
  );
  const { schema: module } = await bundledSchema(root, "module");
  const tables = tablesOf(lab);
  const hostTables = tablesOf(host);
  return [
    INTRO,
    contents("lab.toml", tables),
    contents("config.toml", hostTables),
    values(lab),
    "## Tables of lab.toml\n",
    ...tables.map((table) => tableSection(lab, table, tables)),
    moduleSection(lab, module, tables),
    "## Tables of config.toml\n",
    ...hostTables.map((table) => tableSection(host, table, hostTables, "config.toml ")),
  ].join("\n");
}

/**
 * Every table of settings, once, with all places where it can stand.
 *
 * @param {Node} schema
 * @returns {Table[]}
 */
function tablesOf(schema) {
  /** @type {Map<Node, Table>} */
  const found = new Map();
  /** @type {(node: Node, path: string, holder: string) => void} */
  const visit = (node, path, holder) => {
    if (node.$ref !== undefined) {
      visit(schema.definitions[definitionName(node)], path, holder);
      return;
    }
    if (node.items !== undefined) visit(node.items, `${path}[]`, "");
    if (typeof node.additionalProperties === "object")
      visit(node.additionalProperties, `${path}.NAME`, node.description);
    if (node.properties === undefined) return;
    const known = found.get(node);
    if (known !== undefined) {
      known.paths.push(path);
      return;
    }
    const own = node.description ?? "";
    // The first sentence, such as "A variable.", says nothing beside what [vars] is.
    const about = holder === "" ? own : `${holder} ${own.replace(/^[^.]*\.\s*/, "")}`;
    if (path !== "") found.set(node, { paths: [path], node, about });
    for (const [key, child] of Object.entries(node.properties)) {
      visit(/** @type {Node} */ (child), path === "" ? key : `${path}.${key}`, "");
    }
  };
  // Roles and templates hold what VMs hold, and VMs are what most readers look for.
  const { roles, templates, ...tables } = schema.properties;
  visit({ ...schema, properties: { ...tables, ...(roles && { roles, templates }) } }, "", "");
  return [...found.values()];
}

/** @param {Node} node */
function definitionName(node) {
  return String(node.$ref).slice(String(node.$ref).lastIndexOf("/") + 1);
}

/** @param {string} path */
function header(path) {
  return path.endsWith("[]") ? `[[${path.slice(0, -2)}]]` : `[${path}]`;
}

/**
 * @param {string} file
 * @param {readonly Table[]} tables
 */
function contents(file, tables) {
  const prefix = file === "lab.toml" ? "" : `${file} `;
  const links = tables.map(({ paths: [path = ""] }) => `[\`${path}\`](#${anchor(prefix + header(path))})`);
  return `${wrap(`**${file}**: ${links.join(", ")}`)}\n`;
}

/**
 * The kinds of values that many settings take.
 *
 * @param {Node} schema
 */
function values(schema) {
  const kinds = Object.entries(schema.definitions).filter(([, node]) => isKind(/** @type {Node} */ (node)));
  const items = kinds.map(([name, value]) => {
    const node = /** @type {Node} */ (value);
    return item(
      `<a id="${anchor(kindName(name))}"></a>**${kindName(name)}**: ${node.description}${examplesOf(node)}`,
    );
  });
  return `## Kinds of values\n\n${items.join("\n")}\n`;
}

/** @param {Node} node */
function isKind(node) {
  return node.properties === undefined && node.type !== "array";
}

/** @param {string} name such as ValueName */
function kindName(name) {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/**
 * @param {Node} schema
 * @param {Table} table
 * @param {readonly Table[]} tables
 * @param {string} [prefix] keeps headings of two files apart
 */
function tableSection(schema, { paths, node, about }, tables, prefix = "") {
  const [path = "", ...others] = paths;
  const required = new Set(node.required);
  const also =
    others.length === 0 ? "" : ` Also ${others.map((other) => `\`${header(other)}\``).join(", ")}.`;
  const settings = Object.entries(node.properties).map(([key, value]) => {
    const setting = /** @type {Node} */ (value);
    const facts = [
      typeText(schema, setting, tables),
      ...(required.has(key) ? ["required"] : []),
      ...("default" in setting ? [`default ${code(setting.default)}`] : []),
      ...(CHANGES.has(setting["x-change"]) ? [`change: ${setting["x-change"]}`] : []),
    ];
    const expects = setting["x-expects"];
    const takes = expects === undefined || setting.description.includes(expects) ? "" : ` Takes ${expects}.`;
    return item(
      `<a id="${path.replace("[]", "")}.${key}"></a>**\`${key}\`** (${facts.join(", ")}): ${setting.description}${takes}${examplesOf(setting)}`,
    );
  });
  return `### ${prefix}${header(path)}\n\n${wrap(`${about}${also}`)}\n\n${settings.join("\n")}\n`;
}

/**
 * What a module holds; its tables are those of lab.toml.
 *
 * @param {Node} lab
 * @param {Node} module
 * @param {readonly Table[]} tables of lab.toml
 */
function moduleSection(lab, module, tables) {
  const items = Object.entries(module.properties).map(([key, node]) => {
    const facts = [typeText(lab, node, tables), ...(module.required?.includes(key) ? ["required"] : [])];
    return item(
      `<a id="module.${key}"></a>**\`${key}\`** (${facts.join(", ")}): ${node.description}${examplesOf(node)}`,
    );
  });
  return `## Tables of a module\n\n${wrap(`${module.description} [Modules](modules.md) says more.`)}\n\n${items.join("\n")}\n`;
}

/**
 * @param {Node} schema
 * @param {Node} node
 * @param {readonly Table[]} tables
 * @returns {string}
 */
function typeText(schema, node, tables) {
  if (node.$ref !== undefined) {
    const name = definitionName(node);
    const target = schema.definitions[name];
    const table = tables.find((candidate) => candidate.node === target);
    if (table !== undefined) return `table [\`${table.paths[0]}\`](#${anchor(header(table.paths[0] ?? ""))})`;
    if (isKind(target)) return `[${kindName(name)}](#${anchor(kindName(name))})`;
    return typeText(schema, target, tables);
  }
  if (node.anyOf !== undefined) {
    return node.anyOf.map((/** @type {Node} */ branch) => typeText(schema, branch, tables)).join(" or ");
  }
  if (node.enum !== undefined)
    return node.enum
      .map(code)
      .join(", ")
      .replace(/, ([^,]*)$/, " or $1");
  switch (node.type) {
    case "array":
      return `list of ${plural(typeText(schema, node.items, tables))}`;
    case "object": {
      const inner = node.additionalProperties;
      return typeof inner === "object" ? `tables by name: ${typeText(schema, inner, tables)}` : "table";
    }
    case "integer":
      return `whole number${bounds(node)}`;
    case undefined:
      return "any value";
    default:
      return node.type;
  }
}

/** @param {string} text */
function plural(text) {
  return text.replace(/^[a-z]+(?=$| )/, "$&s");
}

/** @param {Node} node */
function bounds({ minimum, maximum }) {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : ` from ${minimum}`;
}

/** @param {Node} node */
function examplesOf({ examples = [] }) {
  return examples.length === 0 ? "" : ` Example: ${examples.map(code).join(", ")}.`;
}

/** @param {unknown} value */
function code(value) {
  return `\`${toml(value)}\``;
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const settings = Object.entries(value).map(([key, inner]) => `${key} = ${toml(inner)}`);
  return settings.length === 0 ? "{}" : `{ ${settings.join(", ")} }`;
}
