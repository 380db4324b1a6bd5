/** Takes secret values out of what is told: a script may print what it was given. */
import type { EventSink } from "../events.ts";
import { isJsonObject, type Json } from "../json.ts";

/** Shorter values would blot out ordinary words, and are no secrets. */
const SHORTEST = 4;
const MASK = "(sensitive)";

/** Replaces every occurrence of the secrets, also in base64; longer ones first, as one may be part of another. */
export function masker(secrets: () => Iterable<string>): (text: string) => string {
  const encoded = new Map<string, string>();
  const inBase64 = (secret: string): string => {
    const known = encoded.get(secret) ?? Buffer.from(secret).toString("base64").replace(/=+$/, "");
    encoded.set(secret, known);
    return known;
  };
  return (text) => {
    let masked = text;
    const known = [...secrets()]
      .filter((secret) => secret.length >= SHORTEST)
      .flatMap((secret) => [secret, inBase64(secret)]);
    for (const secret of known.sort((a, b) => b.length - a.length)) {
      if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
    }
    return masked;
  };
}

/** A sink that masks whatever text an event carries. */
export function maskedEvents(events: EventSink, mask: (text: string) => string): EventSink {
  return (event) => {
    switch (event.type) {
      case "operation-output":
        events({ ...event, line: mask(event.line) });
        return;
      case "operation-failed":
        events({ ...event, diagnostics: maskAll(event.diagnostics, mask) });
        return;
      case "diagnostic":
        events({ ...event, diagnostic: maskAll(event.diagnostic, mask) });
        return;
      default:
        events(event);
    }
  };
}

/** Every string inside a value. */
export function maskAll<T>(value: T, mask: (text: string) => string): T {
  return maskJson(value as unknown as Json, mask) as unknown as T;
}

function maskJson(value: Json, mask: (text: string) => string): Json {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((item: Json) => maskJson(item, mask));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskJson(inner, mask)]));
}

/** Lines of a key shorter than this may be ordinary words, and tell nothing of it. */
const SHORTEST_LINE = 8;

/** The texts of secret values; of a key each line, since a tail of output may show only some. */
export function secretStrings(values: Iterable<Json>): string[] {
  const found: string[] = [];
  const open = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === "string") found.push(value, ...(value.includes("\n") ? secretLines(value) : []));
    else if (typeof value === "number") found.push(String(value));
    else if (Array.isArray(value)) open.push(...value);
    else if (isJsonObject(value)) open.push(...Object.values(value));
  }
  return found;
}

/** The lines of a text that are secret by themselves: not those that every key begins and ends with. */
function secretLines(text: string): string[] {
  return text.split("\n").filter((line) => line.length >= SHORTEST_LINE && !line.startsWith("-----"));
}
