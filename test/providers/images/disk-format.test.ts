import { expect, test } from "@jest/globals";
import { detectFormat } from "../../../providers/images/disk-format.ts";
import { parseQcow2Header } from "../../../providers/images/qcow2-header.ts";

function head(...parts: readonly (readonly [number, string])[]): Buffer {
  const bytes = Buffer.alloc(64 * 1024);
  for (const [position, text] of parts) bytes.write(text, position, "latin1");
  return bytes;
}

test.each([
  ["qcow2", head([0, "QFI\xfb"]), { kind: "qcow2" }],
  ["raw", head([510, "\x55\xaa"]), { kind: "raw" }],
  ["xz", head([0, "\xfd7zXZ\0"]), { kind: "compressed", by: "xz" }],
  ["gzip", head([0, "\x1f\x8b\x08"]), { kind: "compressed", by: "gz" }],
  ["zstd", head([0, "\x28\xb5\x2f\xfd"]), { kind: "compressed", by: "zst" }],
  ["vmdk", head([0, "KDMV"]), { kind: "unusable", what: "a VMware disk (vmdk)" }],
  ["tar", head([257, "ustar"]), { kind: "unusable", what: "a tar archive" }],
  [
    "HTML",
    head([0, "\n<!DOCTYPE html><html>"]),
    { kind: "unusable", what: "a web page or another text, perhaps a server's error message" },
  ],
  [
    "JSON",
    head([0, '{"error":"denied"}']),
    { kind: "unusable", what: "a web page or another text, perhaps a server's error message" },
  ],
  [
    "zeros",
    head(),
    {
      kind: "unusable",
      what: "neither qcow2, nor a raw disk with a boot sector, nor one of these in xz, gzip or zstd",
    },
  ],
])("%s is recognised by its bytes", (_, bytes, format) => {
  expect(detectFormat(bytes, 1024 * 1024)).toEqual(format);
});

test("an empty and a cut-off file are told apart from disks", () => {
  expect(detectFormat(Buffer.alloc(0), 0)).toEqual({ kind: "unusable", what: "an empty file" });
  expect(detectFormat(head([510, "\x55\xaa"]), 1_000_001)).toEqual({
    kind: "unusable",
    what: "a raw disk that is cut off in the middle of a sector",
  });
});

test("a qcow2 header tells of other files and of encryption", () => {
  const bytes = Buffer.alloc(104);
  bytes.write("QFI\xfb", 0, "latin1");
  bytes.writeUInt32BE(3, 4);
  bytes.writeBigUInt64BE(1_073_741_824n, 24);
  const plain = {
    version: 3,
    backingFile: false,
    externalData: false,
    encrypted: false,
    virtualSize: 1_073_741_824,
  };
  expect(parseQcow2Header(bytes)).toEqual(plain);
  bytes.writeBigUInt64BE(4n, 72);
  expect(parseQcow2Header(bytes)).toEqual({ ...plain, externalData: true });
  bytes.writeBigUInt64BE(0n, 72);
  bytes.writeBigUInt64BE(512n, 8);
  bytes.writeUInt32BE(2, 32);
  expect(parseQcow2Header(bytes)).toEqual({ ...plain, backingFile: true, encrypted: true });
  expect(parseQcow2Header(Buffer.alloc(104))).toBeUndefined();
});
