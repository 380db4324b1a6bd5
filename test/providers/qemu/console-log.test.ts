import { open, readFile, writeFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { consoleTail, consoleText, trimConsoleLog } from "../../../providers/qemu/console-log.ts";
import { vmFolder } from "../../../providers/qemu/vm-folder.ts";
import { systemError } from "../../support/effects.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();
const effects = nodeEffects();
const MiB = 2 ** 20;

async function rig() {
  const folder = vmFolder(homeFrom({ VMLAB_HOME: await temporary() }), "0123456789ab");
  await effects.files.makeDir(folder.root);
  return folder;
}

test("a log that a running machine has made large is cut, and the machine writes on", async () => {
  const folder = await rig();
  // As QEMU holds it.
  const guest = await open(folder.consoleLog, "a");
  await guest.write(`first\n${"x\n".repeat(5 * MiB)}last\n`);
  await trimConsoleLog(effects, folder);
  await guest.write("and on\n");
  await guest.close();
  expect(await readFile(folder.consoleLog, "utf8")).toBe("and on\n");
  expect((await readFile(`${folder.consoleLog}.1`)).length).toBe(8 * MiB);
  expect(await consoleTail(effects, folder, 3)).toEqual(["x", "last", "and on"]);
  // Whoever remembers how long it was sees what came since.
  expect(await consoleText(effects, folder, 10 * MiB)).toBe("and on\n");
  await trimConsoleLog(effects, folder);
  expect(await readFile(folder.consoleLog, "utf8")).toBe("and on\n");
});

test("it is cut on a full disk too", async () => {
  const folder = await rig();
  await writeFile(folder.consoleLog, "x".repeat(9 * MiB));
  const write = async (): Promise<never> => {
    throw systemError("ENOSPC");
  };
  await trimConsoleLog({ files: { ...effects.files, write } }, folder);
  expect(await readFile(folder.consoleLog, "utf8")).toBe("");
});
