/** `[secrets.X]` → SecretInputs. */
import type { JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { definition } from "../schema.ts";
import type { Origin, SecretInputs } from "../types.ts";

export function secretInputs(
  name: string,
  table: JsonObject,
  origin: Origin,
  findings: Finding[],
): SecretInputs {
  const { pattern, length } = table;
  const kind =
    (table.kind as SecretInputs["kind"] | undefined) ?? (pattern === undefined ? "password" : "pattern");
  const address = `secret.${name}`;
  const misplaced = (key: string, only: string): void => {
    findings.push({
      code: "config/not-allowed-here",
      summary: `${key} belongs to secrets of kind "${only}"`,
      origin: { ...origin, path: [...origin.path, key] },
      spot: { part: "key" },
      address,
      hint: `Take ${key} out, or write kind = "${only}".`,
    });
  };
  if (pattern !== undefined && kind !== "pattern") misplaced("pattern", "pattern");
  if (length !== undefined && kind !== "password") misplaced("length", "password");
  if (kind === "pattern" && pattern === undefined) {
    findings.push({
      code: "config/missing-key",
      summary: `The secret "${name}" has no pattern`,
      origin,
      spot: { part: "key" },
      address,
      hint: "Add one, such as pattern = '[a-z0-9]{16}'.",
    });
  }
  const fallback = definition("Secret").properties?.length?.default;
  return {
    kind,
    ...(typeof pattern === "string" && kind === "pattern" ? { pattern } : {}),
    ...(kind === "password" ? { length: Number(length ?? fallback) } : {}),
  };
}
