// A schema that refers to others as one that stands alone: editors and the validator take it without the others.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** @typedef {Record<string, any>} Node a schema, or a part of one */

/**
 * Reads schemas/NAME.schema.json. What it takes from `OTHER.schema.json#/…` is put in place, with what stands beside the
 * reference on top, and the definitions of the other come along.
 *
 * @param {string} root folder of the sources
 * @param {string} name
 * @returns {Promise<{ schema: Node, bundled: boolean }>}
 */
export async function bundledSchema(root, name) {
  const read = async (/** @type {string} */ file) =>
    JSON.parse(await readFile(join(root, "schemas", file), "utf8"));
  const own = await read(`${name}.schema.json`);
  const files = [...new Set(outsideReferences(own).map((reference) => `${reference.split("#")[0]}`))];
  if (files.length === 0) return { schema: own, bundled: false };
  /** @type {Map<string, Node>} */
  const others = new Map();
  for (const file of files) others.set(file, await read(file));
  const schema = inPlace(own, others);
  schema.definitions = Object.assign({}, ...[...others.values()].map(({ definitions }) => definitions));
  return { schema, bundled: true };
}

/**
 * @param {unknown} node
 * @returns {string[]}
 */
function outsideReferences(node) {
  if (node === null || typeof node !== "object") return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" && !value.startsWith("#")
      ? [value]
      : outsideReferences(value),
  );
}

/**
 * @param {any} node
 * @param {ReadonlyMap<string, Node>} others
 * @returns {any}
 */
function inPlace(node, others) {
  if (node === null || typeof node !== "object") return node;
  if (Array.isArray(node)) return node.map((one) => inPlace(one, others));
  const { $ref, ...beside } = node;
  const rest = Object.fromEntries(
    Object.entries(beside).map(([key, value]) => [key, inPlace(value, others)]),
  );
  if (typeof $ref !== "string") return rest;
  const [file = "", pointer = ""] = $ref.split("#");
  // The definitions come along, so that a reference to one of them stays a reference.
  if (file === "" || /^\/definitions\/\w+$/.test(pointer)) return { ...rest, $ref: `#${pointer}` };
  const target = pointer
    .split("/")
    .slice(1)
    .reduce((/** @type {any} */ at, key) => at?.[key], others.get(file));
  if (target === undefined) throw new Error(`there is no ${$ref}`);
  return { ...target, ...rest };
}
