import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab;
beforeEach(async () => {
  lab = await FakeLab.create();
  await mkdir(join(lab.folder, ".vmlab"));
  await mkdir(join(lab.folder, "src"));
  await mkdir(lab.homeFolder, { recursive: true });
});
afterEach(() => lab.remove());

const HEAD = `lab = { name = "demo", provider = "fake", image = "b" }
images.b = { path = "disk.qcow2" }
`;

async function problems(from: string, head = HEAD): Promise<string[]> {
  await writeFile(join(lab.folder, "disk.qcow2"), "");
  await lab.write("lab.toml", `${head}vms.a.shares = [{ from = "${from}", to = "/src" }]\n`);
  const { diagnostics } = await lab.outcome();
  return diagnostics.map(({ severity, code, range }) => `${severity} ${code} ${range?.start.line}`);
}

test("A folder of the lab or an absolute one can be shared", async () => {
  expect(await problems("src")).toEqual([]);
  expect(await problems("./src/")).toEqual([]);
  expect(await problems("/usr")).toEqual([]);
});

test("What is missing, is a file or leads out of the lab is refused", async () => {
  expect(await problems("gone")).toEqual(["error config/no-folder 3"]);
  expect(await problems("lab.toml")).toEqual(["error config/no-folder 3"]);
  await symlink("/usr", join(lab.folder, "link"));
  expect(await problems("link")).toEqual(["error config/path-outside 3"]);
});

test("vmlab's own data are never shared, neither by a folder around them nor by a link", async () => {
  await symlink(".vmlab", join(lab.folder, "inside"));
  for (const from of [".", ".vmlab", "inside", lab.root, lab.homeFolder, "/"])
    expect([from, await problems(from)]).toEqual([from, ["error config/share-of-own-data 3"]]);
});

test("That a bootstrapped Debian has no 9p is told before it is booted", async () => {
  const head = `lab = { name = "demo", provider = "fake", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;
  expect(await problems("src", head)).toEqual(["warning config/no-9p 3"]);
});
