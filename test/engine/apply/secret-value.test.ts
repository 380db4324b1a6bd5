import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parsePattern, secretValue } from "../../../engine/apply/secret-value.ts";
import type { DiagnosticsError } from "../../../engine/diagnostics.ts";

const random = { bytes: (count: number) => randomBytes(count) };

describe("secretValue", () => {
  test("makes a value that matches the pattern", () => {
    const pattern = "[a-z0-9]{6}\\.[a-z0-9]{16}";
    fc.assert(
      fc.property(fc.constant(null), () => {
        const { value } = secretValue("secret.token", { kind: "pattern", pattern }, random);
        expect(String(value)).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
      }),
    );
  });

  test("makes a password of the asked length without characters that look alike", () => {
    const { value } = secretValue("secret.p", { kind: "password", length: 40 }, random);
    expect(String(value)).toMatch(/^[A-HJ-NP-Za-km-z2-9]{40}$/);
  });

  test("makes a key pair that OpenSSH accepts", () => {
    const pair = secretValue("secret.key", { kind: "ssh_key" }, random);
    const folder = mkdtempSync(join(tmpdir(), "vmlab-key-"));
    try {
      const file = join(folder, "id");
      writeFileSync(file, String(pair.private));
      chmodSync(file, 0o600);
      const derived = execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" });
      expect(derived.trim()).toBe(String(pair.public));
    } finally {
      rmSync(folder, { recursive: true });
    }
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
