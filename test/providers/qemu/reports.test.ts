import { expect, test } from "@jest/globals";
import { shellQuote } from "../../../engine/shell-words.ts";
import { parseQemuVersion } from "../../../providers/qemu/check.ts";
import { readCloudInitReport } from "../../../providers/qemu/cloud-init.ts";
import { plainText } from "../../../providers/qemu/console-log.ts";
import { keyChanges } from "../../../providers/qemu/guest-state.ts";
import { parseMachineHelp } from "../../../providers/qemu/machine-type.ts";
import { environment, interpreterOf } from "../../../providers/qemu/provision.ts";
import { isPublicKey } from "../../../providers/qemu/ssh-keys.ts";

test("cloud-init's errors are collected from both reports, recoverable ones as warnings", () => {
  expect(
    readCloudInitReport(
      '{"v1": {"datasource": "NoCloud", "errors": ["(\'runcmd\', RuntimeError())"]}}',
      '{"v1": {"init": {"errors": [], "recoverable_errors": {"DEPRECATED": ["old key"]}}, "modules-final": {"errors": ["(\'runcmd\', RuntimeError())", "more"]}, "stage": null}}',
    ),
  ).toEqual({
    errors: ["('runcmd', RuntimeError())", "modules-final: more"],
    warnings: ["deprecated in init: old key"],
  });
  expect(readCloudInitReport("", "not json")).toEqual({ errors: [], warnings: [] });
});

test("the versioned machine type behind an alias", () => {
  expect(
    parseMachineHelp(
      [
        "Supported machines are:",
        "microvm              microvm (i386)",
        "pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)",
        "pc-i440fx-7.2        Standard PC (i440FX + PIIX, 1996) (default)",
      ].join("\n"),
    ),
  ).toEqual({ names: ["microvm", "pc-i440fx-7.2"], aliases: new Map([["pc", "pc-i440fx-7.2"]]) });
});

test("QEMU's version", () => {
  expect(parseQemuVersion("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n")).toEqual([7, 2, 22]);
  expect(parseQemuVersion("command not found")).toBeUndefined();
});

test("a script's interpreter is read as the kernel reads it", () => {
  expect(interpreterOf(Buffer.from("#!/usr/bin/env python3\nx"))).toEqual(["/usr/bin/env", "python3"]);
  expect(interpreterOf(Buffer.from("#! /bin/sh -e -u \r\nx"))).toEqual(["/bin/sh", "-e -u"]);
  expect(interpreterOf(Buffer.from("echo hi"))).toEqual(["/bin/sh"]);
});

test("environment and arguments survive the shell", () => {
  expect(Buffer.from(environment({ A: "it's", B: "$x\ny" }), "base64").toString()).toBe(
    "export A='it'\\''s'\nexport B='$x\ny'\n",
  );
  expect(() => environment({ "A;rm": "x" })).toThrow("config/bad-environment-name");
  expect([shellQuote("/etc/x"), shellQuote("a b"), shellQuote("")]).toEqual(["/etc/x", "'a b'", "''"]);
});

test("keys are added and removed by their bytes, whatever their comment", () => {
  expect(
    keyChanges(["ssh-ed25519 A one", "ssh-ed25519 B two"], ["ssh-ed25519 A renamed", "ssh-ed25519 C"]),
  ).toEqual(["-ssh-ed25519 B two", "+ssh-ed25519 C"]);
});

test("what is a public key", () => {
  expect(isPublicKey("ssh-ed25519 AAAAC3Nz me@host")).toBe(true);
  expect(isPublicKey("sk-ssh-ed25519@openssh.com AAAA")).toBe(true);
  expect(isPublicKey("-----BEGIN OPENSSH PRIVATE KEY-----")).toBe(false);
  expect(isPublicKey('command="x" ssh-ed25519 AAAA')).toBe(false);
});

test("a console's escape sequences are left out", () => {
  expect(plainText("\u001b[2J\u001b[1;31mred\u001b[0m\r\r\nnext\u0007\u001b]0;title\u0007!\n")).toBe(
    "red\nnext!\n",
  );
});
