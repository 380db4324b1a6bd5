/** What an expression reads of a secret, from what the state records of it. */
import type { JsonObject } from "../json.ts";
import type { SourceValue } from "./expressions/value-source.ts";
import { isPublicAttribute } from "./secret-kinds.ts";

/**
 * The secret's value, or the attribute that is asked for. Unknown while nothing is recorded, and while a secret of
 * another kind is: it is about to be made anew.
 */
export function secretValueIn(
  name: string,
  recorded: JsonObject | undefined,
  attribute = "value",
): SourceValue {
  const sensitive = !isPublicAttribute(attribute);
  const value = recorded?.[attribute];
  if (value === undefined) return { known: false, address: `secret.${name}`, sensitive };
  return { known: true, value, sensitive };
}
