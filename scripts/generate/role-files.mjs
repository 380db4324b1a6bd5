// Reads roles/NAME/role.toml: syntax, the schema, and what a schema cannot say. Problems name file, line and column.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import toml from "@iarna/toml";

/** @typedef {import("../../generated/role-types.ts").RoleFile} RoleFile */
/** @typedef {{ readonly path: readonly (string | number)[], readonly message: string }} Finding */

/**
 * Every role of the catalogue by name, in order. Needs generated/validate-role.js.
 *
 * @param {string} root folder of the sources
 * @returns {Promise<Map<string, RoleFile>>}
 */
export async function readRoleFiles(root) {
  const entries = await readdir(join(root, "roles"), { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  /** @type {Map<string, RoleFile>} */
  const roles = new Map();
  for (const name of names) roles.set(name, await readRoleFile(root, name));
  return roles;
}

/**
 * @param {string} root
 * @param {string} name
 * @returns {Promise<RoleFile>}
 */
async function readRoleFile(root, name) {
  const file = `roles/${name}/role.toml`;
  const text = await readFile(join(root, file), "utf8").catch((/** @type {unknown} */ error) => {
    throw new Error(`${file} cannot be read: a folder in roles/ is a role`, { cause: error });
  });
  /** @type {unknown} */
  let value;
  try {
    value = toml.parse(text);
  } catch (error) {
    throw new Error(syntaxMessage(file, error), { cause: error });
  }
  /** @type {typeof import("../../generated/validate-role.js")} */
  const { validate } = await import(pathToFileURL(join(root, "generated/validate-role.js")).href);
  const findings = validate(value) ? beyondSchema(root, name, value) : schemaFindings(validate.errors ?? []);
  if (findings.length > 0) throw new Error(await located(findings, text, file));
  return /** @type {RoleFile} */ (value);
}

/**
 * @param {string} root
 * @param {string} name
 * @param {RoleFile} role
 * @returns {Finding[]}
 */
function beyondSchema(root, name, role) {
  /** @type {Finding[]} */
  const findings = [];
  /** @type {(path: readonly (string | number)[], message: string) => void} */
  const add = (path, message) => void findings.push({ path, message });
  for (const [key, option] of Object.entries(role.options ?? {})) {
    const path = ["options", key];
    if (option.values !== undefined && option.pattern !== undefined) {
      add([...path, "pattern"], "values and pattern exclude each other");
    }
    if (option.values?.includes(option.default) === false) {
      add([...path, "default"], "the default is none of values");
    }
    if (option.pattern !== undefined && !matches(option.pattern, option.default)) {
      add(
        [...path, "pattern"],
        "the default does not match the pattern, or the pattern is no regular expression",
      );
    }
    option.only?.forEach((os, index) => {
      if (!Object.hasOwn(role.on, os)) add([...path, "only", index], `the role has no variant for ${os}`);
    });
  }
  for (const [os, variant] of Object.entries(role.on)) {
    variant.scripts?.forEach((script, index) => {
      const path = script.includes("/") ? script : `${name}/${script}`;
      if (!existsSync(join(root, "roles", path))) {
        add(["on", os, "scripts", index], `there is no roles/${path}`);
      }
    });
  }
  return findings;
}

/**
 * @param {string} pattern
 * @param {string} text
 */
function matches(pattern, text) {
  try {
    return new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    return false;
  }
}

/**
 * @param {readonly import("ajv").ErrorObject[]} errors
 * @returns {Finding[]}
 */
function schemaFindings(errors) {
  return errors.map(({ instancePath, message, params }) => {
    const path = instancePath
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const key = params.additionalProperty ?? params.propertyName;
    return { path: key === undefined ? path : [...path, key], message: message ?? "is not right" };
  });
}

/**
 * @param {string} file
 * @param {unknown} error of @iarna/toml, which counts lines and columns from 0
 */
function syntaxMessage(file, error) {
  const { line, col, message } = /** @type {{ line?: number, col?: number, message: string }} */ (error);
  const place = line === undefined ? file : `${file}:${line + 1}:${(col ?? 0) + 1}`;
  return `${place}: ${message.split("\n")[0]}`;
}

/**
 * @param {readonly Finding[]} findings
 * @param {string} text
 * @param {string} file
 */
async function located(findings, text, file) {
  const { parseTOML } = await import("toml-eslint-parser");
  const [top] = parseTOML(text, { tomlVersion: "1.0" }).body;
  const lines = findings.map(({ path, message }) => {
    const { line, column } = placeOf(top, path);
    return `${file}:${line}:${column + 1}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`;
  });
  return [...new Set(lines)].join("\n");
}

/**
 * Where the longest part of a path that is written in the file stands.
 *
 * @param {import("toml-eslint-parser").AST.TOMLTopLevelTable} top
 * @param {readonly (string | number)[]} path
 */
function placeOf(top, path) {
  let best = { length: 0, place: top.loc.start };
  /** @type {(keys: readonly (string | number)[], place: { line: number, column: number }) => void} */
  const offer = (keys, place) => {
    const onTheWay =
      keys.length <= path.length && keys.every((key, index) => String(key) === String(path[index]));
    if (onTheWay && keys.length > best.length) best = { length: keys.length, place };
  };
  /** @type {(value: import("toml-eslint-parser").AST.TOMLContentNode, keys: readonly (string | number)[]) => void} */
  const visitValue = (value, keys) => {
    if (value.type === "TOMLArray") {
      value.elements.forEach((element, index) => {
        offer([...keys, index], element.loc.start);
        visitValue(element, [...keys, index]);
      });
    }
    if (value.type === "TOMLInlineTable") for (const pair of value.body) visitPair(pair, keys);
  };
  /** @type {(pair: import("toml-eslint-parser").AST.TOMLKeyValue, above: readonly (string | number)[]) => void} */
  const visitPair = (pair, above) => {
    const names = pair.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value));
    const keys = [...above, ...names];
    offer(keys, pair.key.loc.start);
    visitValue(pair.value, keys);
  };
  for (const node of top.body) {
    if (node.type === "TOMLKeyValue") visitPair(node, []);
    else {
      offer(node.resolvedKey, node.loc.start);
      for (const pair of node.body) visitPair(pair, node.resolvedKey);
    }
  }
  return best.place;
}
