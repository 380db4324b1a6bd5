// docs/roles.md: its description of the catalogue is made from roles/*/role.toml.
import { readRoleFiles } from "../generate/role-files.mjs";
import { item, wrap } from "./markdown.mjs";

/** @typedef {import("../generate/role-files.mjs").RoleFile} RoleFile */

const CATALOGUE = /(<!-- catalogue: npm run docs -->\n)[\s\S]*?(<!-- end of catalogue -->)/;

/**
 * The page with its catalogue made anew. Needs generated/validate-role.js.
 *
 * @param {string} page
 * @param {string} root folder of the sources
 */
export async function withCatalogue(page, root) {
  const roles = await readRoleFiles(root);
  const sections = [...roles].map(([name, role]) => section(name, role));
  return page.replace(CATALOGUE, (_, begin, end) => `${begin}\n${sections.join("\n")}\n${end}`);
}

/**
 * @param {string} name
 * @param {RoleFile} role
 */
function section(name, role) {
  const needs = role.requires?.length
    ? " Needs nested virtualization: a plan on a host without it is refused."
    : "";
  const options = Object.entries(role.options ?? {}).map(([key, option]) => {
    const values = option.values === undefined ? "" : ` Values: ${option.values.map(code).join(", ")}.`;
    const only = option.only === undefined ? "" : ` Only on ${option.only.map(distribution).join(", ")}.`;
    return item(
      `Option ${code(key)}: ${option.description}${values} Default: ${code(option.default)}.${only}`,
    );
  });
  const variants = Object.entries(role.on).map(([os, { disk, memory, note }]) =>
    item(
      `${distribution(os)}: disk ${disk} or more, built with ${memory}.${note === undefined ? "" : ` ${note}`}`,
    ),
  );
  return `### ${name}\n\n${wrap(role.description + needs)}\n\n${[...options, ...variants].join("\n")}\n`;
}

/** @param {string} os such as debian-12 */
function distribution(os) {
  const [name = "", release = ""] = os.split("-");
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)} ${release}`;
}

/** @param {string} text */
function code(text) {
  return `\`${text}\``;
}
