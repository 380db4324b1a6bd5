/** `[secrets.X]` → SecretInputs. */
import { isIP } from "node:net";
import type { Json, JsonObject } from "../../json.ts";
import { EMPTY_SCOPE, LAB_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import { definition } from "../schema.ts";
import { type SecretKind, secretKind } from "../secret-kinds.ts";
import type { Origin, SecretInputs } from "../types.ts";
import type { Evaluator, Site } from "./evaluator.ts";

/** Settings that belong to some kinds only. */
const BELONGS_TO: Readonly<Record<string, readonly SecretKind[]>> = {
  pattern: ["pattern"],
  length: ["password"],
  common_name: ["ca", "cert"],
  ca: ["cert"],
  hosts: ["cert"],
  usage: ["cert"],
};

/** A DNS name, whose first label may be `*`, or a plain host name. */
const DNS_NAME = /^(\*\.)?[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}\.?)+$/;

export interface SecretLookup {
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
  /** The kinds of the lab's secrets by name. */
  readonly kinds: ReadonlyMap<string, SecretKind>;
  /** What the expressions of a setting see. */
  readonly site: (name: string, path: readonly (string | number)[]) => Site;
}

export function secretInputs(
  name: string,
  table: JsonObject,
  origin: Origin,
  lookup: SecretLookup,
): SecretInputs {
  const kind = secretKind(table);
  refuseMisplaced(name, kind, table, origin, lookup.findings);
  switch (kind) {
    case "password":
      return { kind, length: Number(table.length ?? definition("Secret").properties?.length?.default) };
    case "pattern":
      if (typeof table.pattern === "string") return { kind, pattern: table.pattern };
      lookup.findings.push(missing(name, origin, "pattern", "Add one, such as pattern = '[a-z0-9]{16}'."));
      return { kind };
    case "ssh_key":
      return { kind };
    case "ca":
      return { kind, common_name: commonName(name, table, lookup) };
    case "cert":
      return certInputs(name, table, origin, lookup);
  }
}

function certInputs(name: string, table: JsonObject, origin: Origin, lookup: SecretLookup): SecretInputs {
  const { evaluator, findings, site } = lookup;
  const usage = (table.usage ?? definition("Secret").properties?.usage?.default) as readonly (
    | "server"
    | "client"
  )[];
  const hosts = Array.isArray(table.hosts)
    ? table.hosts.flatMap((raw: Json, index) =>
        hostOf(raw, site(`hosts[${index}]`, ["hosts", index]), lookup),
      )
    : [];
  if (usage.includes("server") && table.hosts === undefined) {
    const hint = 'Add the names and addresses of the server, such as hosts = ["web", "10.42.0.10"].';
    findings.push(missing(name, origin, "hosts", hint));
  }
  const ca = authority(name, table, origin, lookup);
  const issuer =
    ca === undefined
      ? undefined
      : evaluator.value(`\${secrets.${ca}.spki_sha256}`, "string", {
          // The lab's name for it, also in a module.
          ...site("ca", ["ca"]),
          scope: EMPTY_SCOPE,
          scopeId: LAB_SCOPE,
        });
  return {
    kind: "cert",
    common_name: commonName(name, table, lookup),
    hosts,
    usage,
    ...(ca === undefined ? {} : { ca }),
    ...(issuer === undefined ? {} : { issuer: issuer as NonNullable<SecretInputs["issuer"]> }),
  };
}

function commonName(name: string, table: JsonObject, { evaluator, site }: SecretLookup): string {
  if (table.common_name === undefined) return name;
  return String(evaluator.known(table.common_name, "text", site("common_name", ["common_name"])) ?? name);
}

function hostOf(raw: Json, site: Site, { evaluator, findings }: SecretLookup): string[] {
  const host = evaluator.known(raw, "text", site);
  if (typeof host !== "string") return [];
  if (isIP(host) !== 0 || (DNS_NAME.test(host) && host.length <= 253)) return [host];
  findings.push({
    code: "config/bad-value",
    summary: `${site.name} cannot be "${host}"`,
    detail: "A host is a DNS name or an IP address, without a port.",
    origin: site.origin(),
    ...(site.address === undefined ? {} : { address: site.address }),
  });
  return [];
}

/** The name of the secret that is the certificate's CA; undefined when a finding was made. */
function authority(
  name: string,
  { ca }: JsonObject,
  origin: Origin,
  { findings, kinds }: SecretLookup,
): string | undefined {
  if (typeof ca !== "string") {
    findings.push(missing(name, origin, "ca", 'Add ca = "NAME", the name of a secret of kind "ca".'));
    return undefined;
  }
  const kind = kinds.get(ca);
  if (kind === "ca") return ca;
  const authorities = [...kinds].flatMap(([other, itsKind]) => (itsKind === "ca" ? [other] : []));
  const hint = nameHint(ca, authorities, 'secrets of kind "ca"');
  findings.push({
    code: "config/unknown-reference",
    summary:
      kind === undefined ? `There is no secret "${ca}"` : `The secret "${ca}" is of kind "${kind}", not "ca"`,
    origin: { ...origin, path: [...origin.path, "ca"] },
    address: `secret.${name}`,
    ...(hint === undefined ? {} : { hint }),
  });
  return undefined;
}

function refuseMisplaced(
  name: string,
  kind: SecretKind,
  table: JsonObject,
  origin: Origin,
  findings: Finding[],
): void {
  for (const [key, kinds] of Object.entries(BELONGS_TO)) {
    if (table[key] === undefined || kinds.includes(kind)) continue;
    findings.push({
      code: "config/not-allowed-here",
      summary: `${key} belongs to secrets of kind ${kinds.map((one) => `"${one}"`).join(" and ")}`,
      origin: { ...origin, path: [...origin.path, key] },
      spot: { part: "key" },
      address: `secret.${name}`,
      hint: `Take ${key} out, or write kind = "${kinds.at(-1)}".`,
    });
  }
}

function missing(name: string, origin: Origin, key: string, hint: string): Finding {
  return {
    code: "config/missing-key",
    summary: `The secret "${name}" has no ${key}`,
    origin,
    spot: { part: "key" },
    address: `secret.${name}`,
    hint,
  };
}
