import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { removeUnusedLayers } from "../../../providers/qemu/clone/shared-layers.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();

async function homeWith(records: Readonly<Record<string, string>>) {
  const home = homeFrom({ VMLAB_HOME: await temporary() });
  await mkdir(home.layers);
  for (const id of ["a", "b", "c"]) await writeFile(join(home.layers, `${id}.qcow2`), "");
  for (const [folder, text] of Object.entries(records)) {
    await mkdir(join(home.root, folder), { recursive: true });
    await writeFile(join(home.root, folder, "vm.json"), text);
  }
  return home;
}

const standsOn = (...shared: string[]) =>
  JSON.stringify({
    version: 1,
    layers: [{ digest: "d" }, ...shared.map((id) => ({ shared: id })), { file: "f" }],
  });

test("a layer goes when no VM stands on it, those in the trash included", async () => {
  const home = await homeWith({ "vms/one": standsOn("a"), "trash/two": standsOn("b") });
  await removeUnusedLayers(nodeEffects(), home);
  expect(await readdir(home.layers)).toEqual(["a.qcow2", "b.qcow2"]);
});

test("no layer goes while the record of a VM cannot be read", async () => {
  const home = await homeWith({ "vms/one": standsOn("a"), "vms/two": "{ cut o" });
  await removeUnusedLayers(nodeEffects(), home);
  expect(await readdir(home.layers)).toEqual(["a.qcow2", "b.qcow2", "c.qcow2"]);
});
