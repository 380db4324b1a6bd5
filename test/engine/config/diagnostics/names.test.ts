/**
 * What a reader sees of names that cannot be, and of names and ports that two want. The whole text is expected, with
 * file, line and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

test("names with wrong characters", async () => {
  expect(
    await problems(
      LAB +
        `[vms.Web_1]
[vms.x-]
[vars.my-var]
default=1
[vms.a-name-that-is-cut-where-a-hyphen-stand-in-it]`,
    ),
  ).toBe(`lab.toml:3:6-11 config/bad-name: "Web_1" cannot be a name in vms
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → Possible: web-1
lab.toml:4:6-8 config/bad-name: "x-" cannot be a name in vms
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → Possible: x
lab.toml:5:7-13 config/bad-name: "my-var" cannot be a name in vars
  A name is 1 to 40 lower-case letters, digits and underscores, beginning with a letter.
  → Possible: my_var
lab.toml:7:6-51 config/bad-name: "a-name-that-is-cut-where-a-hyphen-stand-in-it" cannot be a name in vms
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → Possible: a-name-that-is-cut-where-a-hyphen-stand`);
});

test("a name that gets too long", async () => {
  expect(
    await problems(
      LAB +
        `[environments.abcdefghijklmnopqrstuvwxyz.vms.abcdefghijklmnopqrstuvwxyz]
`,
    ),
  ).toBe(`lab.toml:3:46-72 config/name-too-long: The name "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz" has 53 characters
  It is the VM's hostname and address: 40 characters at most.
  → Shorten the name of the environment, the member or the key.`);
});

test("clashing names and ports", async () => {
  expect(
    await problems(
      LAB +
        `[vms.k8s-cp]
[environments.k8s.vms.cp]
[vms.web]
count = 2
[vms.web-1]
[vms.p1]
ports = ["80:80"]
[vms.p2]
ports=["0.0.0.0:80:8080"]
[vms.p3]
count=2
ports=["8080:80"]`,
    ),
  ).toBe(`lab.toml:4:23-25 config/name-clash: Two declarations make a VM named "k8s-cp"
  lab.toml:3:6 the other one
  → Rename one of them: a VM's name is its hostname and its address.
lab.toml:7:6-11 config/name-clash: Two declarations make a VM named "web-1"
  lab.toml:5:6 the other one
  → Rename one of them: a VM's name is its hostname and its address.
lab.toml:11:8-25 config/port-clash: vm.p1 and vm.p2 both forward 0.0.0.0:80
  lab.toml:9:10 vm.p1 takes it here
  → Choose another host port, or leave it out: the kernel then chooses one.
lab.toml:14:8-17 config/port-clash: vm.p3-1 and vm.p3-2 both forward 127.0.0.1:8080
  lab.toml:14:8 vm.p3-1 takes it here
  → Compute it, such as "\${8080 + count.index}:80", or leave the host port out: the kernel then chooses one.`);
});

test("count and for_each", async () => {
  expect(
    await problems(
      LAB +
        `[vms.a]
count = "\${vms.b.cpus}"
[vms.b]
count = "\${0 - 1}"
[vms.c]
count = 1
for_each = ["x"]
[vms.d]
for_each = "\${3}"
[vms.e]
for_each = ["A b"]`,
    ),
  ).toBe(`lab.toml:4:12-15 config/bad-expression: "vms" cannot be used here
  → What decides which resources there are must be known at once: use vars.
lab.toml:6:9-19 config/out-of-range: count cannot be -1
  count takes a whole number from 0 to 100000.
lab.toml:9:1-9 config/count-and-for-each: count and for_each cannot be used together
  lab.toml:8:1 count is here
  → Keep the one that fits: count numbers the VMs, for_each names them.
lab.toml:11:12-18 config/wrong-type: for_each takes a list of names or a table
lab.toml:13:12-19 config/bad-name: "e-A b" cannot be the name of a VM
  A name is lower-case letters, digits and inner hyphens, beginning with a letter.
  → for_each takes keys that can stand at the end of such a name.`);
});
