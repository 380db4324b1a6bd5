/** What each kind of secret holds. */
import type { JsonObject } from "../json.ts";

export type SecretKind = "password" | "pattern" | "ssh_key" | "ca" | "cert";

/** Attributes of a secret by its kind, in the order in which people are told of them. None: it is one value. */
export const SECRET_ATTRIBUTES: Readonly<Record<SecretKind, readonly string[]>> = {
  password: [],
  pattern: [],
  ssh_key: ["public", "private"],
  ca: ["cert", "key", "spki_sha256"],
  cert: ["cert", "key"],
};

const PUBLIC: ReadonlySet<string> = new Set(["public", "cert", "spki_sha256"]);

/** The half of a key pair that is made to be handed out: shown, and known to plans, as any other value. */
export function isPublicAttribute(attribute: string): boolean {
  return PUBLIC.has(attribute);
}

/** The kind that a table of [secrets] declares. */
export function secretKind({ kind, pattern }: JsonObject): SecretKind {
  return (kind as SecretKind | undefined) ?? (pattern === undefined ? "password" : "pattern");
}
