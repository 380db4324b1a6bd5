import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { appendToLog, LogFollower, logFile, readLog } from "../../../engine/host/command-log.ts";
import { systemError } from "../../support/effects.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();
const effects = nodeEffects();
const openHome = async () => homeFrom({ VMLAB_HOME: await temporary() });
const numbers = async (home: Awaited<ReturnType<typeof openHome>>) =>
  (await readLog(effects, home)).map(({ number }) => number);

test("lines come back in order, without those that are damaged, in a file for its owner alone", async () => {
  const home = await openHome();
  await appendToLog(effects, home, [{ number: 1 }, { number: 2 }]);
  await effects.files.jot(logFile(home), '{"number":3\n');
  await appendToLog(effects, home, [{ number: 4 }]);
  expect(await numbers(home)).toEqual([1, 2, 4]);
  expect((await stat(logFile(home))).mode & 0o777).toBe(0o600);
  expect((await stat(join(logFile(home), ".."))).mode & 0o777).toBe(0o700);
});

test("a large file is put aside once, however many write at the same time, and four are all there ever are", async () => {
  const home = await openHome();
  const folder = join(home.root, "log");
  await mkdir(folder);
  const padding = "x".repeat(4 * 2 ** 20);
  const fill = () => writeFile(logFile(home), `{"number":0,"padding":"${padding}"}\n`);
  await fill();
  const many = Array.from({ length: 20 }, (_, index) => index + 1);
  await Promise.all(many.map((number) => appendToLog(effects, home, [{ number }])));
  expect(await readdir(folder)).toEqual(["vmlab.1.ndjson", "vmlab.ndjson"]);
  expect((await numbers(home)).sort((a, b) => Number(a) - Number(b))).toEqual([0, ...many]);
  for (let round = 0; round < 5; round++) {
    await fill();
    await appendToLog(effects, home, [{ number: 99 }]);
  }
  expect(await readdir(folder)).toEqual([
    "vmlab.1.ndjson",
    "vmlab.2.ndjson",
    "vmlab.3.ndjson",
    "vmlab.ndjson",
  ]);
});

test("a log that cannot be written hinders nobody", async () => {
  const home = await openHome();
  const full = async (): Promise<never> => {
    throw systemError("ENOSPC");
  };
  await appendToLog({ ...effects, files: { ...effects.files, jot: full, makeDir: full } }, home, [{}]);
  expect(await readLog(effects, home)).toEqual([]);
});

test("a log that is not there yet is followed from its first line on", async () => {
  const home = await openHome();
  const follower = new LogFollower(effects, home);
  expect(await follower.next()).toEqual([]);
  expect(await follower.next()).toEqual([]);
  await appendToLog(effects, home, [{ number: 1 }, { number: 2 }]);
  expect(await follower.next()).toEqual([{ number: 1 }, { number: 2 }]);
  await appendToLog(effects, home, [{ number: 3 }]);
  expect(await follower.next()).toEqual([{ number: 3 }]);
});

test("what is appended is followed, also over the moment in which the file is put aside", async () => {
  const home = await openHome();
  await appendToLog(effects, home, [{ number: 1 }]);
  const follower = new LogFollower(effects, home);
  expect(await follower.next()).toEqual([]);
  await appendToLog(effects, home, [{ number: 2 }, { padding: "x".repeat(4 * 2 ** 20 - 60) }]);
  await appendToLog(effects, home, [{ number: 3 }]);
  expect((await follower.next()).flatMap(({ number }) => number ?? [])).toEqual([2, 3]);
  expect(await follower.next()).toEqual([]);
});
