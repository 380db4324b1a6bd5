/**
 * What a reader sees of declarations whose settings are right one by one, and wrong together. The whole text is
 * expected, with file, line and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

test("variables", async () => {
  expect(
    await problems(
      LAB +
        `[vars]
a = {}
b = { type = "integer", default = "x" }
c = { type = "integer", check = "value > 3", default = 1 }
d = { default = "\${x}" }
s = { sensitive = true, type = "integer" }
e = { check = "value.", default = 1 }`,
      { assignments: ["q=1", "zz", "s=hunter"] },
    ),
  ).toBe(`config/unknown-variable: --var sets the variable "q", which the lab does not declare
  → Did you mean "a"?
config/bad-assignment: --var zz has no value
  → Write --var NAME=VALUE.
lab.toml:4:1-2 config/missing-variable: The variable "a" has no value
  → Give it with --var a=VALUE, in a file with --var-file, or as VMLAB_VAR_a; or write a default.
lab.toml:5:35-38 config/wrong-type: The default of the variable "b" is not of type integer
lab.toml:6:33-44 config/variable-check: The variable "c" fails its check
  The value 1 does not satisfy: value > 3
lab.toml:7:17-23 config/expression-not-allowed: The default of the variable "d" holds an expression
  → A default is a plain value. Write $\${ for a literal \${.
lab.toml:8:5-43 config/wrong-type: --var s is not of type integer
  → A whole number, such as 3.
lab.toml:9:22-22 config/bad-expression: The check of the variable "e" fails: Expected IDENTIFIER, got EOF`);
});

test("where images come from", async () => {
  expect(
    await problems(`lab = { name = "x" }
[images.a]
[images.b]
url = "http://x/y"
path = "x"
[images.d]
path="../x"
[images.e]
digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
checksum = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
[vms.web]
[vms.x]
image="a"
role="r"`),
  ).toBe(`lab.toml:2:9-10 config/no-image-source: The image "a" does not say where it comes from
  → Add one of url, path, bootstrap and digest (a base image), or image or role (a custom image), such as bootstrap = { distribution = "debian", suite = "bookworm" }.
lab.toml:5:1-5 config/image-sources: The image "b" comes from url and path
  An image has exactly one source.
  lab.toml:4:1 the other source
  → Keep one of them.
lab.toml:7:6-12 config/path-outside: ../x is outside of the lab's folder
  The path leaves the lab's folder.
  → Write the absolute path, or put the file into the lab's folder.
lab.toml:10:1-9 config/checksum-without-file: The image "e" has a checksum but no file that it could be of
  → A checksum belongs to url or path.
lab.toml:11:6-9 config/no-image: vm.web has neither an image nor a role
  → Add image = "NAME" to it, or to [lab] for all VMs.
lab.toml:13:1-6 config/image-and-role: A VM stands on an image or on a role, not on both
  A role names the image it stands on itself.
  lab.toml:14:1 the role
  → Keep the role, and set its image in [roles.NAME].`);
});

test("kinds of secrets", async () => {
  expect(
    await problems(
      LAB +
        `[secrets]
a = { kind = "password", pattern = "x" }
b = { kind = "pattern" }
`,
    ),
  ).toBe(`lab.toml:4:26-33 config/not-allowed-here: pattern belongs to secrets of kind "pattern"
  → Take pattern out, or write kind = "pattern".
lab.toml:5:1-2 config/missing-key: The secret "b" has no pattern
  → Add one, such as pattern = '[a-z0-9]{16}'.`);
});
