/** Environments that cannot use a module as they say: by their names, their settings or their source. */
import { describe, expect, test } from "@jest/globals";
import { problems } from "../memory-lab.ts";
import { LAB, using } from "./module-labs.ts";

describe("what is wrong with a module", () => {
  test("names that two declarations make, or that are too long", async () => {
    expect(
      await problems(
        using(
          `[networks.net]
cidr = "10.0.0.0/24"
[secrets.token]
[vms.a]
[vms.abcdefghijklmnopqrstuvwxyz-abcdefghijkl]
[networks.abcdefghijklmnopqrstuvwxyz-abcdefghijkl]
cidr = "10.0.0.0/24"`,
          "",
          `networks.x-net = { cidr = "10.0.0.0/24" }
secrets.x_token = {}
vms.x-a = {}`,
        ),
      ),
    ).toBe(`m.toml:1:11-14 config/name-clash: Two declarations make a network named "x-net"
  lab.toml:4:10 the other one
  lab.toml:7:15 used as environment.x here
  → Rename one of them: what a module declares is named after the environment that uses it.
m.toml:3:10-15 config/name-clash: Two declarations make a secret named "x_token"
  lab.toml:5:9 the other one
  lab.toml:7:15 used as environment.x here
  → Rename one of them: what a module declares is named after the environment that uses it.
m.toml:6:11-50 config/name-too-long: The name "x-abcdefghijklmnopqrstuvwxyz-abcdefghijkl" has 41 characters
  It is the network's address: 40 characters at most.
  lab.toml:7:15 used as environment.x here
  → Shorten the name of the environment, the key, or the name in the module.`);
    expect(
      await problems({
        "lab.toml": `${LAB}
environments.s = { source = "m.toml", for_each = ["a", "b"] }
environments.s-a = { source = "m.toml" }
environments.s-b = { vms = { v = {} } }
environments.t = { source = "m.toml", for_each = ["A_b"] }`,
        "m.toml": "[vms.a]",
      }),
    ).toBe(`lab.toml:6:14-17 config/name-clash: Two declarations make an environment named "s-a"
  lab.toml:5:14 the other one
  → Rename one of them: what a module declares is named after the environment that uses it.
lab.toml:7:14-17 config/name-clash: Two declarations make an environment named "s-b"
  lab.toml:5:14 the other one
  → Rename one of them: what a module declares is named after the environment that uses it.
lab.toml:8:14-15 config/bad-name: "t-A_b" cannot be the name of an environment
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → for_each takes keys that can stand at the end of such a name.`);
  });

  test("settings of an environment that do not go together", async () => {
    expect(
      await problems({
        "lab.toml": `${LAB}
[environments.a]
source = "m.toml"
defaults = { cpus = 2 }
[environments.a.vms.b]
[environments.c]
for_each = ["x"]
inputs = {}
vms.d = {}
[environments.e]`,
        "m.toml": "[vms.a]",
      }),
    ).toBe(`lab.toml:7:1-9 config/not-allowed-here: environments.a has a module: defaults belongs into the module
  → What differs from one use to another is an input of the module.
lab.toml:8:17-20 config/not-allowed-here: environments.a has a module: vms belongs into the module
  → What differs from one use to another is an input of the module.
lab.toml:10:1-9 config/not-allowed-here: for_each is not allowed in an environment without a source
  → Put the members into a module, and name it with source.
lab.toml:11:1-7 config/not-allowed-here: inputs is not allowed in an environment without a source
  → Put the members into a module, and name it with source.
lab.toml:13:15-16 config/missing-key: environments.e lacks vms
  An environment has its members, or a module that declares them.
  → Add: [environments.e.vms.NAME], or source = "PATH"`);
  });

  test("a source that is not a module inside the lab", async () => {
    expect(
      await problems({
        "lab.toml": `${LAB}
environments.a = { source = "../shared" }
environments.b = { source = "/srv/module" }
environments.c = { source = "modules/none" }
environments.d = { source = "\${vars.x}" }
environments.e = { source = "link" }
environments.f = { source = "broken.toml" }`,
        link: "-> ../elsewhere",
        "../elsewhere/module.toml": "[vms.a]",
        "broken.toml": "vms = ",
      }),
    ).toBe(`broken.toml:1:7-7 config/toml-syntax: Not valid TOML: unspecified values are invalid
lab.toml:5:29-40 config/path-outside: ../shared is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.
lab.toml:6:29-42 config/path-outside: /srv/module is outside of the lab's folder
  Files of a lab are named relative to the file that declares them, so that the lab can move.
  → Put the file into the lab's folder and name it from there.
lab.toml:7:29-43 config/no-module: There is no module at modules/none
  vmlab looked for modules/none/module.toml.
  → A source names a folder with a module.toml, or a TOML file, relative to the file that uses it.
lab.toml:8:29-40 config/expression-not-allowed: The source of an environment holds an expression
  Modules are read before anything is evaluated.
  → Write the path itself.
lab.toml:9:29-35 config/path-outside: link is outside of the lab's folder
  A symbolic link on this path leads out of the lab's folder.
  → Put the file itself into the lab's folder.`);
  });
});
