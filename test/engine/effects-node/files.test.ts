import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import type { HttpResponse } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const folder = temporaryFolders();
const { files } = nodeEffects();

describe("write", () => {
  test("replaces a file as a whole, mode 0600, and leaves nothing else behind", async () => {
    const path = join(await folder(), "state.json");
    await files.write(path, "old");
    await files.write(path, Buffer.from("new"));
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, ".."))).toEqual(["state.json"]);
  });

  test("cleans up its temporary file when it cannot be moved into place", async () => {
    const root = await folder();
    await mkdir(join(root, "taken", "inside"), { recursive: true });
    await expect(files.write(join(root, "taken"), "x")).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readdir(root)).toEqual(["taken"]);
  });

  test("honours a mode whatever the umask", async () => {
    const path = join(await folder(), "shared");
    await files.write(path, "x", { mode: 0o666 });
    expect((await stat(path)).mode & 0o777).toBe(0o666);
  });
});

test("createExclusive lets exactly one of many win and never shows a part", async () => {
  const root = await folder();
  const path = join(root, "lock");
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, n) => files.createExclusive(path, `holder ${n}`)),
  );
  const lost = results.filter((result) => result.status === "rejected");
  expect(lost.map((result) => result.reason.code)).toEqual(Array(7).fill("EEXIST"));
  expect(await readFile(path, "utf8")).toBe(`holder ${results.findIndex((r) => r.status === "fulfilled")}`);
  expect(await readdir(root)).toEqual(["lock"]);
});

test("append creates with mode 0600 and adds at the end", async () => {
  const path = join(await folder(), "journal");
  await files.append(path, "one\n");
  await files.append(path, "two\n");
  expect(await readFile(path, "utf8")).toBe("one\ntwo\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("copy keeps the bytes and leaves holes out", async () => {
  const root = await folder();
  const data = Buffer.alloc(5 * 1024 * 1024 + 123);
  data.write("start", 10);
  data.write("end", 3 * 1024 * 1024 - 2);
  await writeFile(join(root, "from"), data);
  await files.copy(join(root, "from"), join(root, "to"), { mode: 0o444 });
  expect((await readFile(join(root, "to"))).equals(data)).toBe(true);
  const made = await files.stat(join(root, "to"));
  expect(made).toMatchObject({ kind: "file", size: data.length, mode: 0o444 });
  expect(made?.allocated).toBeLessThanOrEqual(1024 * 1024);
});

test("a download keeps the bytes and leaves holes out, at its end too", async () => {
  const path = join(await folder(), "disk");
  const zeros = "\0".repeat(2 * 1024 * 1024 + 5);
  await files.download(responseOf(["start", zeros, "middle", zeros]), path, {});
  await files.download(responseOf([zeros, "end", zeros]), path, {});
  const text = `start${zeros}middle${zeros}${zeros}end${zeros}`;
  expect((await readFile(path)).equals(Buffer.from(text))).toBe(true);
  expect((await files.stat(path))?.allocated).toBeLessThanOrEqual(1024 * 1024);
});

test("an aborted copy leaves nothing", async () => {
  const root = await folder();
  await writeFile(join(root, "from"), "x");
  const reason = new Error("interrupted");
  await expect(
    files.copy(join(root, "from"), join(root, "to"), { signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason);
  expect(await readdir(root)).toEqual(["from"]);
});

test("readPart stops at the end of the file", async () => {
  const path = join(await folder(), "file");
  await writeFile(path, "0123456789");
  expect((await files.readPart(path, 2, 3)).toString()).toBe("234");
  expect((await files.readPart(path, 8, 100)).toString()).toBe("89");
  expect((await files.readPart(path, 50, 4)).length).toBe(0);
});

test("sha256 and sha512 are those of the bytes", async () => {
  const path = join(await folder(), "file");
  await writeFile(path, "abc");
  const seen: number[] = [];
  expect(await files.sha256(path, { progress: (bytes) => seen.push(bytes) })).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  expect(seen).toEqual([3]);
  expect(await files.sha256(path, { algorithm: "sha512" })).toMatch(/^ddaf35a193617aba/);
});

test("what is missing is undefined, empty or nothing to do", async () => {
  const root = await folder();
  expect(await files.stat(join(root, "no", "thing"))).toBeUndefined();
  expect(await files.list(join(root, "no"))).toEqual([]);
  await files.remove(join(root, "no", "thing"));
  await expect(files.readText(join(root, "no"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("makeDir makes parents with mode 0700 and takes an existing folder", async () => {
  const root = await folder();
  await files.makeDir(join(root, "a", "b", "c"));
  await files.makeDir(join(root, "a", "b", "c"));
  for (const path of ["a", "a/b", "a/b/c"]) {
    expect(await files.stat(join(root, path))).toMatchObject({ kind: "folder", mode: 0o700 });
  }
});

test("rename, link, symlink, truncate and chmod do what they are named for", async () => {
  const root = await folder();
  await mkdir(join(root, "other"));
  await writeFile(join(root, "a"), "0123456789");
  await files.rename(join(root, "a"), join(root, "other", "b"));
  await files.link(join(root, "other", "b"), join(root, "c"));
  await files.symlink("c", join(root, "d"));
  await files.truncate(join(root, "c"), 4);
  await files.chmod(join(root, "c"), 0o400);
  expect(await files.list(root)).toEqual(["c", "d", "other"]);
  expect(await files.readText(join(root, "d"))).toBe("0123");
  expect(await files.stat(join(root, "other", "b"))).toMatchObject({ mode: 0o400, size: 4 });
  await expect(files.link(join(root, "c"), join(root, "d"))).rejects.toMatchObject({ code: "EEXIST" });
});

test("download appends, and keeps what came before the transfer broke", async () => {
  const path = join(await folder(), "image.part");
  await files.append(path, "old+");
  const seen: number[] = [];
  await files.download(responseOf(["ab", "cd"]), path, { progress: (bytes) => seen.push(bytes) });
  expect(seen).toEqual([2, 4]);
  await expect(files.download(responseOf(["ef", new Error("reset")]), path, {})).rejects.toThrow("reset");
  expect(await readFile(path, "utf8")).toBe("old+abcdef");
});

function responseOf(parts: readonly (string | Error)[]): HttpResponse {
  const body = Readable.from(
    (async function* () {
      for (const part of parts) {
        if (typeof part !== "string") throw part;
        yield Buffer.from(part);
      }
    })(),
  );
  return { status: 200, headers: {}, body, text: async () => "", discard: async () => void body.destroy() };
}
