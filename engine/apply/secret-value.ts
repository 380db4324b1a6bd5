/** Makes the value of a secret. */
import { generateKeyPairSync } from "node:crypto";
import type { SecretInputs } from "../config/types.ts";
import { fail } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { JsonObject } from "../json.ts";
import type { CertifiedKey } from "./certificate.ts";
import { sshKeyPair } from "./ssh-key-pair.ts";

const PASSWORD_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
/** Counts beyond this are a mistake, not a secret. */
const MAX_LENGTH = 4096;

/** What making a secret takes of the outside, and of secrets that were made before. */
export interface SecretSources extends Pick<Effects, "clock" | "random"> {
  /** The certificate and key of the secret of kind "ca" with this name. */
  readonly authority: (name: string) => CertifiedKey;
}

/** Attributes of the secret: `value`, or those of its kind in SECRET_ATTRIBUTES. */
export async function secretValue(
  address: string,
  inputs: SecretInputs,
  sources: SecretSources,
): Promise<JsonObject> {
  const { random } = sources;
  const name = address.slice(address.indexOf(".") + 1);
  switch (inputs.kind) {
    case "password":
      return {
        value: fromAlphabets(
          Array.from({ length: inputs.length ?? 24 }, () => PASSWORD_ALPHABET),
          random,
        ),
      };
    case "pattern":
      return { value: fromAlphabets(parsePattern(address, inputs.pattern ?? ""), random) };
    case "ssh_key":
      return { ...sshKeyPair(generateKeyPairSync("ed25519"), random) };
    case "ca": {
      const { certificateAuthority, publicKeyDigest } = await import("./certificate.ts");
      const { cert, key } = await certificateAuthority(inputs.common_name ?? name, sources);
      return { cert, key, spki_sha256: publicKeyDigest(key) };
    }
    case "cert": {
      const { leafCertificate } = await import("./certificate.ts");
      const request = {
        commonName: inputs.common_name ?? name,
        hosts: inputs.hosts ?? [],
        usage: inputs.usage ?? ["server"],
      };
      return { ...(await leafCertificate(request, sources.authority(inputs.ca ?? ""), sources)) };
    }
  }
}

/** One random character from each alphabet, without modulo bias. */
function fromAlphabets(alphabets: readonly string[], random: Effects["random"]): string {
  return alphabets.map((alphabet) => alphabet[below(alphabet.length, random)]).join("");
}

function below(limit: number, random: Effects["random"]): number {
  const fair = 256 - (256 % limit);
  for (;;) {
    const [byte = 0] = random.bytes(1);
    if (byte < fair) return byte % limit;
  }
}

/** Literals, `\` escapes, classes `[a-z0-9]`, counts `{16}`; one alphabet for each character of the result. */
export function parsePattern(address: string, pattern: string): string[] {
  const alphabets: string[] = [];
  const wrong = (why: string): never =>
    fail({
      code: "config/secret-pattern",
      address,
      summary: `the pattern of ${address} cannot be used: ${why}`,
      detail: pattern,
      hint: "A pattern holds literals, \\ escapes, classes such as [a-z0-9] and counts such as {16}.",
    });
  let at = 0;
  while (at < pattern.length) {
    let alphabet = pattern[at] ?? "";
    if (alphabet === "[") {
      const end = pattern.indexOf("]", at);
      if (end < 0) wrong("a class is not closed with ]");
      alphabet = expandClass(pattern.slice(at + 1, end));
      if (alphabet === "") wrong("a class is empty");
      at = end + 1;
    } else if (alphabet === "\\") {
      alphabet = pattern[at + 1] ?? "";
      if (alphabet === "") wrong("it ends in a lone \\");
      at += 2;
    } else if ("{}]*+?()|.^$".includes(alphabet)) {
      wrong(`"${alphabet}" at position ${at + 1} has no meaning here`);
    } else {
      at += 1;
    }
    const count = /^\{([0-9]+)\}/.exec(pattern.slice(at));
    if (count !== null) at += count[0].length;
    const times = count === null ? 1 : Number(count[1]);
    if (alphabets.length + times > MAX_LENGTH) wrong(`it makes more than ${MAX_LENGTH} characters`);
    for (let made = 0; made < times; made++) alphabets.push(alphabet);
  }
  if (alphabets.length === 0) wrong("it is empty");
  return alphabets;
}

function expandClass(text: string): string {
  const characters = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    const from = text.codePointAt(at) ?? 0;
    const isRange = text[at + 1] === "-" && at + 2 < text.length;
    const to = isRange ? (text.codePointAt(at + 2) ?? 0) : from;
    for (let code = from; code <= to; code++) characters.add(String.fromCodePoint(code));
    if (isRange) at += 2;
  }
  return [...characters].join("");
}
