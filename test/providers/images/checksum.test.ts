import { describe, expect, test } from "@jest/globals";
import { findInChecksumList, formatChecksum, parseChecksum } from "../../../providers/images/checksum.ts";

const A = "a".repeat(64);
const B = "B".repeat(64);
const LONG = "c".repeat(128);

describe("a checksum list", () => {
  test.each([
    ["GNU text mode", `${B}  other.img\n${A}  disk.img\n`, `sha256:${A}`],
    ["GNU binary mode", `${A} *disk.img\n`, `sha256:${A}`],
    ["a path before the name", `${A}  ./noble/disk.img\n`, `sha256:${A}`],
    ["BSD style", `SHA256 (disk.img) = ${B}\n`, `sha256:${B.toLowerCase()}`],
    ["BSD style without spaces", `SHA512(disk.img)= ${LONG}\n`, `sha512:${LONG}`],
    ["Windows line ends and comments", `# sums\r\n\r\n${A}  disk.img\r\n`, `sha256:${A}`],
    [
      "a signed message",
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${A}  disk.img\n`,
      `sha256:${A}`,
    ],
    ["one bare digest", `${A}\n`, `sha256:${A}`],
    ["both kinds, of which the stronger counts", `${A}  disk.img\n${LONG}  disk.img\n`, `sha512:${LONG}`],
  ])("is read: %s", (_, list, checksum) => {
    const found = findInChecksumList(list, "disk.img");
    expect(found && formatChecksum(found)).toBe(checksum);
  });

  test.each([
    ["another file", `${A}  disk.img.manifest\n`],
    ["a name that only ends alike", `${A}  mydisk.img\n`],
    ["an MD5 sum", `${"a".repeat(32)}  disk.img\n`],
    ["a web page", "<html>disk.img</html>"],
  ])("does not match %s", (_, list) => {
    expect(findInChecksumList(list, "disk.img")).toBeUndefined();
  });
});

test("a checksum's length must fit its algorithm", () => {
  expect(parseChecksum(`sha256:${B}`)).toEqual({ algorithm: "sha256", hex: B.toLowerCase() });
  expect(parseChecksum(`sha512:${A}`)).toBeUndefined();
  expect(parseChecksum("file:https://example.org/SHA256SUMS")).toBeUndefined();
});
