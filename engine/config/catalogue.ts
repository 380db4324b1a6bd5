/**
 * The built-in roles. What roles/NAME/role.toml says is turned into a module ahead of time (scripts/generate.mjs), so
 * that planning reads no files for it.
 */
import { roles } from "../../generated/catalogue.ts";
import type { CatalogueRole } from "./catalogue/types.ts";

export { checkOptions } from "./catalogue/options.ts";
export { catalogueSteps } from "./catalogue/steps.ts";
export type { CatalogueRole } from "./catalogue/types.ts";

/** By name. Without a prototype: a name such as `constructor` finds nothing. */
export const catalogue: Readonly<Record<string, CatalogueRole>> = Object.freeze(
  Object.assign<Record<string, CatalogueRole>, typeof roles>(Object.create(null), roles),
);
