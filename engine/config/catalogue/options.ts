import { nearestName } from "../nearest-name.ts";
import type { CatalogueRole } from "./types.ts";

/** Why options cannot be used. */
export interface OptionProblem {
  /** The option that is wrong. */
  readonly key: string;
  /** One line, without a full stop. */
  readonly message: string;
  readonly hint: string;
}

export type CheckedOptions =
  | { readonly options: Readonly<Record<string, string>> }
  | { readonly problem: OptionProblem };

/**
 * Fills in defaults and checks what is given; answers with the first problem. The result is in the role's order.
 *
 * With `os` (a key of `role.on`) options that mean nothing there are refused when given, and left out of the result.
 */
export function checkOptions(
  role: CatalogueRole,
  given: Readonly<Record<string, string>>,
  os?: string,
): CheckedOptions {
  const known = Object.keys(role.options);
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) return { problem: unknownOption(role, key, known) };
  }
  const options: Record<string, string> = {};
  for (const [key, option] of Object.entries(role.options)) {
    const value = Object.hasOwn(given, key) ? given[key] : undefined;
    if (os !== undefined && option.only?.includes(os) === false) {
      if (value === undefined) continue;
      return {
        problem: {
          key,
          message: `option ${key} of role ${role.name} means nothing on ${os}`,
          hint: `It is for ${option.only.join(", ")}. Leave it out.`,
        },
      };
    }
    const chosen = value ?? option.default;
    if (option.values !== undefined && !option.values.includes(chosen)) {
      return { problem: badValue(role, key, chosen, `Values: ${option.values.map(quoted).join(", ")}.`) };
    }
    if (option.pattern !== undefined && !new RegExp(`^(?:${option.pattern})$`).test(chosen)) {
      const hint = `${option.description} Default: ${quoted(option.default)}.`;
      return { problem: badValue(role, key, chosen, hint) };
    }
    options[key] = chosen;
  }
  return { options };
}

function unknownOption(role: CatalogueRole, key: string, known: readonly string[]): OptionProblem {
  const nearest = nearestName(key, known);
  return {
    key,
    message: `role ${role.name} has no option ${quoted(key)}`,
    hint:
      nearest !== undefined
        ? `Did you mean "${nearest}"?`
        : known.length === 0
          ? "It has no options."
          : `Options: ${known.join(", ")}.`,
  };
}

function badValue(role: CatalogueRole, key: string, value: string, hint: string): OptionProblem {
  return { key, message: `${quoted(value)} is no value for option ${key} of role ${role.name}`, hint };
}

/** As TOML writes a string: quotes and control characters in a value cannot be taken for the message's. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
