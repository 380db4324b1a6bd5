import { describe, expect, test } from "@jest/globals";
import { maskedEvents, masker, secretStrings } from "../../../engine/apply/mask.ts";
import type { Event } from "../../../engine/events.ts";

const mask = (...secrets: string[]) => masker(() => secrets);

describe("masking", () => {
  test("takes every occurrence out, longer secrets first", () => {
    expect(mask("pass", "password")("password pass=pass")).toBe("(sensitive) (sensitive)=(sensitive)");
  });

  test("leaves values alone that are too short to be secrets", () => {
    expect(mask("on")("one on one")).toBe("one on one");
  });

  test("covers output lines and the evidence of failures", () => {
    const seen: Event[] = [];
    const events = maskedEvents((event) => seen.push(event), mask("hunter22"));
    const operation = { id: "vm.web:provision", address: "vm.web", step: "provision", action: "create" };
    events({ type: "operation-output", operation, line: "+ login hunter22" });
    events({
      type: "operation-failed",
      operation,
      durationMs: 1,
      diagnostics: [
        { code: "qemu/step-failed", severity: "error", summary: "failed", detail: "tail: hunter22" },
      ],
    });
    expect(JSON.stringify(seen)).not.toContain("hunter22");
    expect(seen[0]).toEqual({ type: "operation-output", operation, line: "+ login (sensitive)" });
  });

  test("covers what base64() made of a secret", () => {
    expect(mask("hunter22")(`token ${Buffer.from("hunter22").toString("base64")}`)).toBe(
      "token (sensitive)=",
    );
  });

  test("knows every line of a key", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\nhGu=\n-----END PRIVATE KEY-----\n";
    // What every key begins and ends with is no secret, and short lines may be ordinary words.
    expect(secretStrings([{ private: key }, "token", 123456])).toEqual([
      "123456",
      "token",
      key,
      "MIGHAgEAMBMG",
    ]);
  });
});
