/** What only the store in files has to cope with: damage and other places. */
import { cp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { adoptState } from "../../../engine/state/adopt.ts";
import type { State } from "../../../engine/state/types.ts";
import { verifyPlace } from "../../../engine/state/verify-place.ts";
import { created, fileLab, firstState, now, openStore } from "../../support/file-lab.ts";
import { sampleVm } from "../../support/sample-state.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

// Hundreds of fsyncs, on a disk that may be busy.
jest.setTimeout(60_000);

const temporary = temporaryFolders();
const real = nodeEffects();
const lab = async () => fileLab(await temporary());

const wayBack = expect.stringContaining("`vmlab state restore SERIAL`");

test("everything is closed to others: 0600 in 0700", async () => {
  const { folder } = await lab();
  const root = join(folder, ".vmlab");
  expect(await readdir(root, { recursive: true })).toEqual(
    expect.arrayContaining(["history", "history/state-0.json", "journal.ndjson", "state.json"]),
  );
  for (const name of ["", "history"]) expect((await stat(join(root, name))).mode & 0o777).toBe(0o700);
  for (const name of ["state.json", "journal.ndjson", "history/state-0.json"]) {
    expect((await stat(join(root, name))).mode & 0o777).toBe(0o600);
  }
});

describe("the snapshot", () => {
  test.each<[string, (text: Buffer) => Buffer | string, string]>([
    [
      "cut in half",
      (data) => data.subarray(0, data.length / 2),
      "The file is cut off or is not JSON. Nothing was changed.",
    ],
    ["empty", () => "", "The file is empty. Nothing was changed."],
    [
      "zeros",
      (data) => Buffer.alloc(data.length),
      "The file is cut off or is not JSON. Nothing was changed.",
    ],
    [
      "garbage",
      () => Buffer.from([0xff, 0xfe, 0x80, 1, 2]),
      "The file is cut off or is not JSON. Nothing was changed.",
    ],
    ["a list", () => "[]", "It does not hold a JSON object. Nothing was changed."],
    [
      "edited",
      (data) => data.toString().replace('"cpus":1', '"cpus":2'),
      "Its checksum does not fit its content: it was edited by hand or damaged. Nothing was changed.",
    ],
  ])("%s is refused with the way back, and restore leads there", async (_, damage, detail) => {
    const { folder, snapshot } = await lab();
    await writeFile(snapshot, damage(await readFile(snapshot)));
    const store = openStore(folder);
    await expect(store.read()).rejects.toMatchObject({
      diagnostics: [
        {
          code: "state/damaged",
          summary: "The state in .vmlab/state.json cannot be read",
          detail,
          hint: wayBack,
        },
      ],
    });
    const locked = await store.lock("state restore", now);
    const restored = await locked.replace(await store.readHistory(0));
    await locked.append([created("d")]);
    await locked.release();
    expect(restored.serial).toBe(1);
    expect(Object.keys((await store.read())?.resources ?? {})).toEqual(["vm.d"]);
    const aside = (await readdir(join(folder, ".vmlab"))).filter((name) => name.includes(".damaged-"));
    expect(aside.length).toBe(2);
  });

  test("of a newer version is refused by its version", async () => {
    const { folder, snapshot } = await lab();
    await writeFile(snapshot, JSON.stringify({ version: 2, tool: "9.0.0", everything: "else" }));
    await expect(openStore(folder).read()).rejects.toMatchObject({
      diagnostics: [
        {
          code: "state/newer-version",
          detail: "It has format version 2, written by vmlab 9.0.0; this vmlab reads up to version 1.",
        },
      ],
    });
  });

  test.each<[string, object, string]>([
    ["a missing field", { lineage: undefined }, "lineage is missing"],
    ["a mistyped field", { sensitiveKey: 5 }, "sensitiveKey is not a string"],
    [
      "a broken resource",
      { resources: { "vm.x": { address: "vm.x" } } },
      'resources["vm.x"].type is missing',
    ],
    [
      "a resource under another address",
      { resources: { "vm.x": sampleVm("y") } },
      'resources["vm.x"] holds another address, vm.y',
    ],
  ])("with %s is refused", async (_, fields, problem) => {
    const folder = await temporary();
    const locked = await openStore(folder).lock("apply", now);
    await locked.initialise({ ...(await firstState(folder)), ...fields } as State).catch(() => undefined);
    await locked.release();
    await expect(openStore(folder).read()).rejects.toMatchObject({
      diagnostics: [{ code: "state/damaged", detail: `${problem}. Nothing was changed.` }],
    });
  });

  test("gone while the journal is there is refused", async () => {
    const { folder, snapshot } = await lab();
    await rm(snapshot);
    await expect(openStore(folder).read()).rejects.toMatchObject({
      diagnostics: [{ code: "state/snapshot-missing", hint: wayBack }],
    });
  });
});

describe("the journal", () => {
  test("torn at every byte of its last line loses that line only, and is mended under the lock", async () => {
    const { folder, journal } = await lab();
    const whole = await readFile(journal);
    const lastLine = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let length = lastLine; length < whole.length - 1; length += 7) {
      await writeFile(journal, whole.subarray(0, length));
      expect(Object.keys((await openStore(folder).read())?.resources ?? {})).toEqual(["vm.a", "vm.b"]);
      expect((await stat(journal)).size).toBe(length);
    }
    const locked = await openStore(folder).lock("apply", now);
    await locked.append([created("d")]);
    await locked.release();
    expect(Object.keys((await openStore(folder).read())?.resources ?? {})).toEqual(["vm.a", "vm.b", "vm.d"]);
  });

  test("without its last line end has lost nothing", async () => {
    const { folder, journal, state } = await lab();
    await writeFile(journal, (await readFile(journal)).subarray(0, -1));
    expect(await openStore(folder).read()).toEqual(state);
    const locked = await openStore(folder).lock("apply", now);
    await locked.append([created("d")]);
    await locked.release();
    expect((await openStore(folder).read())?.journalSequence).toBe(4);
  });

  test.each<[string, (lines: string[]) => string[], number, string]>([
    [
      "changed in a line",
      ([b = "", c = ""]) => [b.replace("vm.b", "vm.x"), c],
      1,
      "its checksum does not fit its content",
    ],
    [
      "changed in its last line",
      ([b = "", c = ""]) => [b, c.replace("vm.c", "vm.x")],
      2,
      "its checksum does not fit its content",
    ],
    ["with an empty line", ([b = "", c = ""]) => [b, "", c], 2, "its checksum does not fit its content"],
    [
      "with a line missing",
      ([, c = ""]) => [c],
      1,
      "entry 3 follows entry 1: entries between them are missing",
    ],
    [
      "with a line twice",
      ([b = "", c = ""]) => [b, b, c],
      2,
      "entry 2 follows entry 2: entries between them are missing",
    ],
  ])("%s is refused, naming file and line", async (_, damage, line, why) => {
    const { folder, journal } = await lab();
    const lines = (await readFile(journal, "utf8")).trimEnd().split("\n");
    await writeFile(
      journal,
      damage(lines)
        .map((text) => `${text}\n`)
        .join(""),
    );
    await expect(openStore(folder).read()).rejects.toMatchObject({
      diagnostics: [
        {
          code: "state/journal-damaged",
          summary: `The state's journal is damaged at .vmlab/journal.ndjson:${line}`,
          detail: `Line ${line} cannot be used: ${why}. Nothing was changed.`,
          range: { file: ".vmlab/journal.ndjson", start: { line } },
          hint: wayBack,
        },
      ],
    });
  });

  test("that continues another snapshot or lineage is refused", async () => {
    const one = await lab();
    const old = await readFile(join(one.folder, ".vmlab", "history", "state-0.json"));
    await writeFile(one.snapshot, old);
    await expect(openStore(one.folder).read()).rejects.toMatchObject({
      diagnostics: [
        { detail: "Line 1 cannot be used: it continues snapshot #1, state.json is #0. Nothing was changed." },
      ],
    });
    const folder = await temporary();
    const locked = await openStore(folder).lock("apply", now);
    await locked.initialise({ ...(await firstState(folder)), lineage: "ffff" });
    await locked.release();
    await cp(one.journal, join(folder, ".vmlab", "journal.ndjson"));
    await expect(openStore(folder).read()).rejects.toMatchObject({
      diagnostics: [
        { detail: expect.stringContaining("belongs to lineage 00112233445566aa, state.json to ffff") },
      ],
    });
  });
});

describe("a state in another place", () => {
  test("is refused for a copied folder, until it is adopted", async () => {
    const { folder, state } = await lab();
    const copy = await temporary();
    await cp(join(folder, ".vmlab"), join(copy, ".vmlab"), { recursive: true });
    await expect(openStore(copy).read()).rejects.toMatchObject({
      diagnostics: [
        {
          code: "state/copied-elsewhere",
          summary: "This state belongs to another folder",
          detail: `The machines of lab demo belong to ${folder}, which still has a state of its own.`,
          hint: expect.stringContaining("`vmlab state adopt`"),
        },
      ],
    });
    const store = openStore(copy, real, true);
    const locked = await store.lock("state adopt", now);
    const found = await locked.read();
    expect(found).toEqual(state);
    await locked.replace(
      adoptState(found ?? state, { host: state.host, folder: copy, home: state.home }, "ffffffffffffffff"),
    );
    await locked.release();
    expect(await openStore(copy).read()).toMatchObject({
      lineage: "ffffffffffffffff",
      folder: copy,
      resources: {},
    });
    expect(await openStore(folder).read()).toEqual(state);
  });

  test("is refused on another host", async () => {
    const { folder } = await lab();
    const elsewhere = { ...real, host: { ...real.host, hostId: async () => "another" } };
    await expect(openStore(folder, elsewhere).read()).rejects.toMatchObject({
      diagnostics: [{ code: "state/copied-elsewhere", summary: "This state belongs to another host" }],
    });
  });

  test("is accepted through a link to the same folder, and refused after a move", async () => {
    const { folder, state } = await lab();
    const other = await temporary();
    await symlink(folder, join(other, "link"));
    expect(await openStore(join(other, "link")).read()).toEqual(state);
    await rename(join(folder, ".vmlab"), join(other, ".vmlab"));
    await expect(openStore(other).read()).rejects.toMatchObject({
      diagnostics: [{ detail: `The machines of lab demo belong to ${folder}, where no state is any more.` }],
    });
  });

  test("adopting after a move keeps lineage and resources", async () => {
    const { state } = await lab();
    const adopted = adoptState(state, { host: "h2", folder: "/new", home: "/home" });
    expect(adopted).toEqual({ ...state, host: "h2", folder: "/new", home: "/home" });
  });

  test("a state whose machines lie under another VMLAB_HOME is refused: they would be made twice", async () => {
    const { state } = await lab();
    const folder = await temporary();
    const elsewhere = { ...real, host: { ...real.host, env: { VMLAB_HOME: folder } } };
    await expect(verifyPlace(elsewhere, state, state.folder)).rejects.toMatchObject({
      diagnostics: [
        { code: "state/other-home", summary: "The machines of this lab lie under another VMLAB_HOME" },
      ],
    });
  });
});
