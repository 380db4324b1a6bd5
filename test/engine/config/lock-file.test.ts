import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  formatLockFile,
  type LockFile,
  parseLockFile,
  readLockFile,
  writeLockFile,
} from "../../../engine/config/lock-file.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const { files } = nodeEffects();
const HEX = "ab".repeat(32);

const LOCK: LockFile = {
  version: 1,
  pins: {
    "image.noble": {
      source: "https://example.org/noble.img",
      size: 5,
      checksum: `sha256:${HEX}`,
      digest: HEX,
    },
    "role.docker": { source: "build:docker", recipe: 1, catalogue: 3 },
    "image.bookworm": { source: "bootstrap:debian/bookworm size=2147483648", recipe: 1, release: "12.12" },
  },
};

const TEXT = `{
  "version": 1,
  "images": {
    "bookworm": {
      "recipe": 1,
      "release": "12.12",
      "source": "bootstrap:debian/bookworm size=2147483648"
    },
    "noble": {
      "checksum": "sha256:${HEX}",
      "digest": "${HEX}",
      "size": 5,
      "source": "https://example.org/noble.img"
    }
  },
  "roles": {
    "docker": {
      "catalogue": 3,
      "recipe": 1,
      "source": "build:docker"
    }
  }
}
`;

describe("vmlab.lock", () => {
  test("is written sorted, with a trailing newline, and read back as it was", async () => {
    const path = join(await temporaryFolder(), "vmlab.lock");
    await writeLockFile(files, path, LOCK);
    expect(await files.readText(path)).toBe(TEXT);
    expect((await files.stat(path))?.mode).toBe(0o644);
    expect(formatLockFile(await readLockFile(files, path))).toBe(TEXT);
  });

  test("has no pins when there is no file", async () => {
    const path = join(await temporaryFolder(), "vmlab.lock");
    expect(await readLockFile(files, path)).toEqual({ version: 1, pins: {} });
  });

  test("leaves out what is undefined and keeps odd names", () => {
    const text = formatLockFile({ version: 1, pins: { "image.constructor": { source: "x" } } });
    expect(Object.entries(parseLockFile(text, "vmlab.lock").pins)).toEqual([
      ["image.constructor", { source: "x" }],
    ]);
  });

  test.each([
    ["cut in half", TEXT.slice(0, 80), /JSON/],
    [
      "with a merge conflict",
      "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n",
      /^it holds the marks of a merge conflict$/,
    ],
    ["that is a list", "[]", /^it is not a JSON object$/],
    ["without images", '{"version":1}', /^images is not an object$/],
    ["with an unknown key", '{"version":1,"images":{},"vms":{}}', /^the key "vms" is unknown$/],
    [
      "with wrong pins",
      '{"version":1,"images":{"a":{"digest":"12"},"b":{"source":"x","recipe":-1,"more":1},"c":3}}',
      /^images\.a\.source is not a text\nimages\.a\.digest is not 64 hex digits\nimages\.b\.more is unknown\nimages\.b\.recipe is not a whole number\nimages\.c is not an object$/,
    ],
  ])("refuses a file %s", (_, text, detail) => {
    expect(diagnosticOf(text)).toMatchObject({
      code: "config/lock-file-damaged",
      summary: "lab/vmlab.lock is damaged",
      detail: expect.stringMatching(detail),
    });
  });

  test("refuses a file of a newer vmlab", () => {
    expect(diagnosticOf('{"version":2,"images":{}}')).toMatchObject({
      code: "config/lock-file-newer",
      detail: "It has version 2; this vmlab reads version 1.",
    });
  });
});

function diagnosticOf(text: string): unknown {
  try {
    parseLockFile(text, "lab/vmlab.lock");
  } catch (error) {
    if (isDiagnosticsError(error)) return error.diagnostics[0];
    throw error;
  }
  return undefined;
}
