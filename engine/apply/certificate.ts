/**
 * X.509 certificates (RFC 5280) on ECDSA P-256 keys, which kubeadm, etcd and every TLS library take. Node makes the
 * keys, PKI.js writes and signs the structure. Loaded only when a secret of kind "ca" or "cert" is generated.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { BitString, fromBER, Integer, OctetString, Utf8String } from "asn1js";
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  type RelativeDistinguishedNames,
  Time,
  TimeType,
} from "pkijs";
import type { Effects } from "../effects.ts";

/** A certificate and its key, as PEM; the key in PKCS#8. */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
}

/** What making a certificate takes of the outside. */
export type CertificateEffects = Pick<Effects, "clock" | "random">;

export interface LeafRequest {
  readonly commonName: string;
  /** DNS names and addresses that it stands for. */
  readonly hosts: readonly string[];
  readonly usage: readonly ("server" | "client")[];
}

const COMMON_NAME = "2.5.4.3";
const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;
const EXTENDED_USAGE = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;
/** RFC 5280, 4.2.1.3: bits from the left. */
const DIGITAL_SIGNATURE = 0x80;
const KEY_ENCIPHERMENT = 0x20;
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

const VALID_YEARS = 10;
/** A guest whose clock is a little behind has to accept what was just made. */
const CLOCK_SLACK_MS = 5 * 60_000;
/** From this year on a time is a GeneralizedTime (RFC 5280, 4.1.2.5). */
const GENERALIZED_FROM = 2050;

/** A certificate authority: self-signed, valid for 10 years. */
export async function certificateAuthority(
  commonName: string,
  effects: CertificateEffects,
): Promise<CertifiedKey> {
  const pair = newKey();
  const certificate = blank(effects);
  setName(certificate.subject, commonName);
  certificate.issuer = certificate.subject;
  certificate.subjectPublicKeyInfo.fromSchema(asn1(pair.spki));
  certificate.extensions = [
    extension(EXTENSION.basicConstraints, new BasicConstraints({ cA: true }).toSchema(), true),
    keyUsage(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_CERT_SIGN | CRL_SIGN),
    extension(EXTENSION.subjectKeyIdentifier, new OctetString({ valueHex: keyIdentifier(certificate) })),
  ];
  return await signed(certificate, pair.key, pair.key);
}

/** A certificate that `ca` vouches for; it ends with the CA's at the latest. */
export async function leafCertificate(
  request: LeafRequest,
  ca: CertifiedKey,
  effects: CertificateEffects,
): Promise<CertifiedKey> {
  const issuer = readCertificate(ca.cert);
  const pair = newKey();
  const certificate = blank(effects);
  setName(certificate.subject, request.commonName);
  certificate.issuer = issuer.subject;
  if (issuer.notAfter.value < certificate.notAfter.value) certificate.notAfter = issuer.notAfter;
  certificate.subjectPublicKeyInfo.fromSchema(asn1(pair.spki));
  const names = request.hosts.map(generalName);
  certificate.extensions = [
    extension(EXTENSION.basicConstraints, new BasicConstraints({ cA: false }).toSchema(), true),
    keyUsage(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT),
    extension(
      EXTENSION.extendedKeyUsage,
      new ExtKeyUsage({ keyPurposes: request.usage.map((usage) => EXTENDED_USAGE[usage]) }).toSchema(),
    ),
    extension(EXTENSION.subjectKeyIdentifier, new OctetString({ valueHex: keyIdentifier(certificate) })),
    extension(
      EXTENSION.authorityKeyIdentifier,
      new AuthorityKeyIdentifier({
        keyIdentifier: new OctetString({ valueHex: keyIdentifier(issuer) }),
      }).toSchema(),
    ),
    ...(names.length === 0
      ? []
      : [extension(EXTENSION.subjectAltName, new GeneralNames({ names }).toSchema())]),
  ];
  return await signed(certificate, pair.key, ca.key);
}

/** Hex SHA-256 of the DER SubjectPublicKeyInfo: what kubeadm's discovery-token-ca-cert-hash is made of. */
export function publicKeyDigest(key: string): string {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex");
}

function newKey(): { readonly key: string; readonly spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    spki: publicKey.export({ type: "spki", format: "der" }),
  };
}

/** Version 3, a random serial number, and its time. */
function blank({ clock, random }: CertificateEffects): Certificate {
  const certificate = new Certificate();
  certificate.version = 2;
  // Positive, and of full length: the first bit is clear and the second set.
  const serial = random.bytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  certificate.serialNumber = new Integer({ valueHex: new Uint8Array(serial).buffer });
  const from = new Date(clock.now() - CLOCK_SLACK_MS);
  from.setUTCMilliseconds(0);
  const until = new Date(from);
  until.setUTCFullYear(until.getUTCFullYear() + VALID_YEARS);
  certificate.notBefore = time(from);
  certificate.notAfter = time(until);
  return certificate;
}

function time(value: Date): Time {
  const type = value.getUTCFullYear() >= GENERALIZED_FROM ? TimeType.GeneralizedTime : TimeType.UTCTime;
  return new Time({ type, value });
}

function setName(name: RelativeDistinguishedNames, commonName: string): void {
  name.typesAndValues.push(
    new AttributeTypeAndValue({ type: COMMON_NAME, value: new Utf8String({ value: commonName }) }),
  );
}

function keyUsage(bits: number): Extension {
  const unusedBits = Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits);
  return extension(
    EXTENSION.keyUsage,
    new BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits }),
    true,
  );
}

function extension(
  extnID: string,
  value: { toBER(sizeOnly?: boolean): ArrayBuffer },
  critical = false,
): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER(false) });
}

/** RFC 5280, 4.2.1.2, method 1. */
function keyIdentifier({ subjectPublicKeyInfo }: Certificate): ArrayBuffer {
  const digest = createHash("sha1").update(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView);
  return new Uint8Array(digest.digest()).buffer;
}

function generalName(host: string): GeneralName {
  return isIP(host) === 0
    ? new GeneralName({ type: 2, value: host })
    : new GeneralName({ type: 7, value: new OctetString({ valueHex: addressBytes(host) }) });
}

function addressBytes(address: string): ArrayBuffer {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number).buffer;
  // A URL holds the address in its shortest form, without a dotted part.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = short.split("::");
  const words = (text: string | undefined) => (text === undefined || text === "" ? [] : text.split(":"));
  const [before, after] = [words(head), words(tail)];
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill("0");
  return Uint8Array.from(
    [...before, ...zeros, ...after].flatMap((word) => {
      const value = Number.parseInt(word, 16);
      return [value >> 8, value & 0xff];
    }),
  ).buffer;
}

function readCertificate(pem: string): Certificate {
  const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return Certificate.fromBER(Buffer.from(base64, "base64"));
}

function asn1(der: Buffer): ReturnType<typeof fromBER>["result"] {
  return fromBER(new Uint8Array(der)).result;
}

async function signed(certificate: Certificate, key: string, signer: string): Promise<CertifiedKey> {
  const { subtle } = webcrypto;
  const der = createPrivateKey(signer).export({ type: "pkcs8", format: "der" });
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const signing = await subtle.importKey("pkcs8", new Uint8Array(der), algorithm, false, ["sign"]);
  const engine = new CryptoEngine({ crypto: webcrypto });
  await certificate.sign(signing, "SHA-256", engine);
  const base64 = Buffer.from(certificate.toSchema(true).toBER(false)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return { cert: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"), key };
}
