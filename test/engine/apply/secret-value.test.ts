import { execFileSync } from "node:child_process";
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parsePattern, type SecretSources, secretValue } from "../../../engine/apply/secret-value.ts";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";

const NOW = Date.UTC(2026, 2, 1, 12);
const sources: SecretSources = {
  random: { bytes: (count) => randomBytes(count) },
  clock: { now: () => NOW, sleep: async () => {} },
  authority: (name) => {
    throw new Error(`no ${name}`);
  },
};
let folder: string;
const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, String(content));
  chmodSync(path, 0o600);
  return path;
};
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: "utf8", stdio: "pipe" });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmlab-secret-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("secretValue", () => {
  test("makes a value that matches the pattern", async () => {
    const pattern = "[a-z0-9]{6}\\.[a-z0-9]{16}";
    await fc.assert(
      fc.asyncProperty(fc.constant(null), async () => {
        const { value } = await secretValue("secret.token", { kind: "pattern", pattern }, sources);
        expect(String(value)).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
      }),
    );
  });

  test("makes a password of the asked length without characters that look alike", async () => {
    const { value } = await secretValue("secret.p", { kind: "password", length: 40 }, sources);
    expect(String(value)).toMatch(/^[A-HJ-NP-Za-km-z2-9]{40}$/);
  });

  test("makes a key pair that OpenSSH accepts", async () => {
    const pair = await secretValue("secret.key", { kind: "ssh_key" }, sources);
    const derived = run("ssh-keygen", "-y", "-f", file("id", pair.private));
    expect(derived.trim()).toBe(String(pair.public));
  });
});

describe("a certificate authority", () => {
  test("is what kubeadm takes for its own", async () => {
    const ca = await secretValue("secret.k8s_ca", { kind: "ca", common_name: "kubernetes" }, sources);
    const path = file("ca.crt", ca.cert);
    const text = run("openssl", "x509", "-in", path, "-noout", "-text");
    // Serial number and key differ each time.
    const told = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => !/^([0-9a-f]{2}:)*[0-9a-f]{2}:?$/i.test(line) && line !== "");
    expect(told.join("\n")).toBe(`Certificate:
Data:
Version: 3 (0x2)
Serial Number:
Signature Algorithm: ecdsa-with-SHA256
Issuer: CN = kubernetes
Validity
Not Before: Mar  1 11:55:00 2026 GMT
Not After : Mar  1 11:55:00 2036 GMT
Subject: CN = kubernetes
Subject Public Key Info:
Public Key Algorithm: id-ecPublicKey
Public-Key: (256 bit)
pub:
ASN1 OID: prime256v1
NIST CURVE: P-256
X509v3 extensions:
X509v3 Basic Constraints: critical
CA:TRUE
X509v3 Key Usage: critical
Digital Signature, Key Encipherment, Certificate Sign, CRL Sign
X509v3 Subject Key Identifier:
Signature Algorithm: ecdsa-with-SHA256
Signature Value:`);
    expect(run("openssl", "verify", "-x509_strict", "-no_check_time", "-CAfile", path, path)).toBe(
      `${path}: OK\n`,
    );
  });

  test("has the key that belongs to the certificate", async () => {
    const ca = await secretValue("secret.ca", { kind: "ca" }, sources);
    const certificate = new X509Certificate(String(ca.cert));
    expect(certificate.subject).toBe("CN=ca");
    expect(certificate.checkPrivateKey(createPrivateKey(String(ca.key)))).toBe(true);
    expect(String(ca.key)).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  test("tells the digest that kubeadm's discovery-token-ca-cert-hash wants", async () => {
    const ca = await secretValue("secret.ca", { kind: "ca" }, sources);
    // The pipeline of kubeadm's documentation.
    const script =
      'openssl x509 -pubkey -in "$1" | openssl pkey -pubin -outform der 2>/dev/null | openssl dgst -sha256 -hex';
    const digest = run("sh", "-c", script, "sh", file("spki.crt", ca.cert));
    expect(digest.trim().replace(/^.*= ?/, "")).toBe(ca.spki_sha256);
  });
});

describe("a certificate of an authority", () => {
  const signed = async (now: number, caNow = now) => {
    const at = (time: number) => ({ ...sources, clock: { ...sources.clock, now: () => time } });
    const ca = await secretValue("secret.ca", { kind: "ca" }, at(caNow));
    const leaf = await secretValue(
      "secret.etcd",
      {
        kind: "cert",
        ca: "ca",
        hosts: ["etcd", "*.web.lab", "10.42.0.10", "fd00::7", "::ffff:192.0.2.1"],
        usage: ["server", "client"],
      },
      { ...at(now), authority: () => ({ cert: String(ca.cert), key: String(ca.key) }) },
    );
    return { ca: file("ca.crt", ca.cert), cert: file("leaf.crt", leaf.cert), leaf };
  };

  test("is verified by it, for its hosts and usages and for no others", async () => {
    const { ca, cert, leaf } = await signed(Date.now());
    const verify = (...args: string[]) =>
      run("openssl", "verify", "-x509_strict", "-CAfile", ca, ...args, cert);
    for (const purpose of ["sslserver", "sslclient"])
      expect(verify("-purpose", purpose)).toBe(`${cert}: OK\n`);
    expect(verify("-verify_hostname", "a.web.lab")).toBe(`${cert}: OK\n`);
    expect(verify("-verify_ip", "fd00::7")).toBe(`${cert}: OK\n`);
    expect(() => verify("-verify_hostname", "other")).toThrow("hostname mismatch");
    const certificate = new X509Certificate(String(leaf.cert));
    expect(certificate.subject).toBe("CN=etcd");
    expect(certificate.subjectAltName).toBe(
      "DNS:etcd, DNS:*.web.lab, IP Address:10.42.0.10, IP Address:FD00:0:0:0:0:0:0:7, IP Address:0:0:0:0:0:FFFF:C000:201",
    );
    expect(certificate.ca).toBe(false);
    expect(certificate.checkPrivateKey(createPrivateKey(String(leaf.key)))).toBe(true);
  });

  test("does not outlive it", async () => {
    const { leaf } = await signed(Date.UTC(2030, 0), NOW);
    const { validFrom, validTo } = new X509Certificate(String(leaf.cert));
    expect([validFrom, validTo]).toEqual(["Dec 31 23:55:00 2029 GMT", "Mar  1 11:55:00 2036 GMT"]);
  });

  test("may end after the years that a UTCTime can tell", async () => {
    const { leaf } = await signed(Date.UTC(2045, 0));
    expect(new X509Certificate(String(leaf.cert)).validTo).toBe("Dec 31 23:55:00 2054 GMT");
  });
});

describe("parsePattern", () => {
  const refusal = (pattern: string) => {
    try {
      parsePattern("secret.x", pattern);
    } catch (error) {
      return (error as DiagnosticsError).diagnostics[0]?.summary;
    }
    return undefined;
  };

  test("gives one alphabet for each character", () => {
    expect(parsePattern("secret.x", "v[a-c]{2}-\\[")).toEqual(["v", "abc", "abc", "-", "["]);
  });

  test("refuses what it would not honour", () => {
    expect(refusal("[a-z")).toBe("the pattern of secret.x cannot be used: a class is not closed with ]");
    expect(refusal("a+")).toBe(
      'the pattern of secret.x cannot be used: "+" at position 2 has no meaning here',
    );
    expect(refusal("")).toBe("the pattern of secret.x cannot be used: it is empty");
    expect(refusal("[a]{99999}")).toBe(
      "the pattern of secret.x cannot be used: it makes more than 4096 characters",
    );
  });
});
