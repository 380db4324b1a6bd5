import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { PinWriter } from "../../../engine/apply/pin-writer.ts";
import { LOCK_FILE, readLockFile } from "../../../engine/config/lock-file.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();

test("pins that several processes record at once are all kept", async () => {
  const [effects, folder] = [nodeEffects(), await temporary()];
  const home = homeFrom({ VMLAB_HOME: await temporary() });
  const addresses = ["image.a", "image.b", "role.c", "role.d"];
  const pin = { source: "build", recipe: 1 };
  await Promise.all(addresses.map((address) => new PinWriter(effects, home, folder).set(address, pin)));
  const { pins } = await readLockFile(effects.files, join(folder, LOCK_FILE));
  expect(Object.keys(pins).sort()).toEqual(addresses);
});
