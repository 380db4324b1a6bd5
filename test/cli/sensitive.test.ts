import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

const SECRET = "hunter-2-and-more";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(`lab = { name = "demo", provider = "fake", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[vars.pin]
sensitive = true
[vms.web]
login = { password = "\${vars.pin}" }
env = { PIN = "\${vars.pin}", ENCODED = "\${base64(vars.pin)}", JSON = "\${toJson([vars.pin])}" }
labels = { pin = "\${vars.pin}" }
run = ["echo \${vars.pin}"]
`);
});
afterEach(() => lab.remove());

/** Every file of the lab and of VMLAB_HOME but the pretend machines' own, which stand for guests. */
const written = async () => {
  const names = await readdir(lab.root, { recursive: true, withFileTypes: true });
  const files = names.filter((one) => one.isFile() && !one.parentPath.endsWith("/fake"));
  return await Promise.all(
    files.map(async ({ parentPath, name }) => ({
      path: join(parentPath, name).slice(lab.root.length),
      text: await readFile(join(parentPath, name), "utf8"),
    })),
  );
};

// An output is different: the state keeps its value, which `vmlab output` is there to tell.
test("the value of a sensitive --var appears in no plan, state, journal, record or output", async () => {
  const given = ["--var", `pin=${SECRET}`];
  const said: string[] = [];
  for (const args of [
    ["plan", "--details", "-o", "saved.plan", ...given],
    ["plan", "--json", ...given],
    ["apply", "--yes", ...given],
    ["apply", "--yes", "--json", "--replace", "vm.web", ...given],
    ["output"],
    ["show"],
    ["state", "show", "vm.web", "--json"],
    ["ops", "list", "--json"],
  ]) {
    const { code, stdout, stderr } = await lab.vmlab(args);
    expect({ args, code, stderr }).toMatchObject({ code: 0 });
    said.push(stdout, stderr);
  }
  const forms = [SECRET, Buffer.from(SECRET).toString("base64").replace(/=+$/, "")];
  const found = [...(await written()).map(({ path, text }) => `${path}\n${text}`), ...said].filter((text) =>
    forms.some((form) => text.includes(form)),
  );
  expect(found).toEqual([]);
  expect((await written()).map(({ path }) => path)).toEqual(
    expect.arrayContaining(["/lab/saved.plan", "/lab/.vmlab/state.json"]),
  );
});
