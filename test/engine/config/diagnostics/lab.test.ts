/**
 * What a reader sees of includes that cannot be read, and of a lab for another vmlab. The whole text is expected, with
 * file, line and columns.
 */
import { expect, test } from "@jest/globals";
import { problems } from "../memory-lab.ts";

test("includes", async () => {
  expect(
    await problems({
      "lab.toml": `lab = { name = "x", include = ["envs/*.toml", "../x.toml", "no.toml", "z*.toml", "link.toml"] }
[vms.web]
image="a"`,
      "envs/a.toml": `[vms.web]
[images.a]
path = "x.img"
[vms.b]
cpuss=1`,
      "envs/b.toml": `lab = { name = "y" }`,
      "link.toml": `-> /etc/x.toml`,
      "../etc/x.toml": ``,
    }),
  ).toBe(`envs/b.toml:1:1-4 config/lab-in-include: [lab] belongs into lab.toml
  → envs/b.toml is included: it can hold any other table.
lab.toml:1:47-58 config/include-outside: ../x.toml is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.
lab.toml:1:60-69 config/include-not-found: There is no file no.toml
lab.toml:1:71-80 warning config/include-not-found: No file matches z*.toml
lab.toml:1:82-93 config/include-outside: link.toml is outside of the lab's folder
  A symbolic link on this path leads out of the lab's folder.
  → Put the file itself into the lab's folder.
envs/a.toml:1:6-9 config/declared-twice: vms.web is declared twice
  lab.toml:2:6 first declared here
  → Each name may be declared once over lab.toml and its includes.
envs/a.toml:5:1-6 config/unknown-key: vms.b has no setting "cpuss"
  → Did you mean "cpus"?`);
});

test("a lab for another version of vmlab", async () => {
  expect(
    await problems(`lab = { name = "x", vmlab = ">=2" }`),
  ).toBe(`lab.toml:1:29-34 config/other-version: This lab needs vmlab >=2, and this is 0.1.0
  → Install a version that fits, or change lab.vmlab.`);
});
