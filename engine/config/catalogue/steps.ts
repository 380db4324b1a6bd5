import type { ProvisionStep } from "../types.ts";
import type { CatalogueRole } from "./types.ts";

/** What building a role on one distribution takes. */
export interface CatalogueSteps {
  readonly steps: ProvisionStep[];
  /** Shell commands, run as root in a VM booted from the image. */
  readonly verify: string[];
  /** Bytes. */
  readonly disk: number;
  readonly memory: number;
}

/**
 * The role's packages and scripts for `os`, a key of `role.on`: one `packages` step, then a `catalogue-script` step a
 * script, with each option that means something on `os` in its environment (`version` as `OPTION_VERSION`).
 * `options` are those of `checkOptions`.
 *
 * @throws RangeError when the role has no variant for `os`: callers look into `role.on` first.
 */
export function catalogueSteps(
  role: CatalogueRole,
  os: string,
  options: Readonly<Record<string, string>>,
): CatalogueSteps {
  const variant = Object.hasOwn(role.on, os) ? role.on[os] : undefined;
  if (variant === undefined) throw new RangeError(`role ${role.name} has no variant for ${os}`);
  const env = environment(role, os, options);
  const packages: ProvisionStep[] =
    variant.packages.length > 0 ? [{ kind: "packages", names: variant.packages }] : [];
  const scripts = variant.scripts.map((path): ProvisionStep => {
    const [file = "", owner = role.name] = path.split("/").reverse();
    return { kind: "catalogue-script", role: owner, script: file, env };
  });
  return {
    steps: [...packages, ...scripts],
    verify: [...variant.verify],
    disk: variant.disk,
    memory: variant.memory,
  };
}

/** Options as scripts find them. */
function environment(
  role: CatalogueRole,
  os: string,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const meant = Object.entries(options).filter(([name]) => {
    const only = role.options[name]?.only;
    return only === undefined || only.includes(os);
  });
  return Object.fromEntries(meant.map(([name, value]) => [`OPTION_${name.toUpperCase()}`, value]));
}
