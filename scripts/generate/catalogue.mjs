// generated/catalogue.ts, from roles/*/role.toml.

import { join } from "node:path";
import { writeIfChanged } from "../write-if-changed.mjs";
import { readRoleFiles } from "./role-files.mjs";

/** @typedef {import("../../engine/config/catalogue/types.ts").CatalogueRole} CatalogueRole */
/** @typedef {import("./role-files.mjs").RoleFile} RoleFile */

/**
 * Needs generated/validate-role.js.
 *
 * @param {string} root folder of the sources
 */
export async function generateCatalogue(root) {
  const files = await readRoleFiles(root);
  const roles = Object.fromEntries([...files].map(([name, file]) => [name, catalogueRole(name, file)]));
  await writeIfChanged(
    join(root, "generated/catalogue.ts"),
    `// Generated from roles/*/role.toml. Changes made here are lost.
import type { CatalogueRole } from "../engine/config/catalogue/types.ts";

export const roles: Readonly<Record<string, CatalogueRole>> = ${JSON.stringify(roles, null, 2)};
`,
  );
}

/**
 * What role.toml says with defaults filled in and sizes in bytes.
 *
 * @param {string} name
 * @param {RoleFile} file
 * @returns {CatalogueRole}
 */
export function catalogueRole(name, file) {
  const on = Object.entries(file.on).map(([os, variant]) => {
    const { packages = [], scripts = [], verify, disk, memory, note } = variant;
    const sizes = { disk: bytes(disk), memory: bytes(memory) };
    return [os, { packages, scripts, verify, ...sizes, ...(note === undefined ? {} : { note }) }];
  });
  const { version, description, requires = [], options = {} } = file;
  return { name, version, description, requires, options, on: Object.fromEntries(on) };
}

/** @param {string} size such as 6GiB, as the schema has it */
function bytes(size) {
  return Number.parseInt(size, 10) * (size.endsWith("GiB") ? 2 ** 30 : 2 ** 20);
}
