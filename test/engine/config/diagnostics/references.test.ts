/**
 * What a reader sees of references and expressions that cannot be resolved. The whole text is expected, with file, line
 * and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

test("dangling references", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
image = "bb"
[vms.db]
role = "docker"
[vms.c]
template = "smal"
depends_on = ["vm.wbe", "member.x", "vm.d*", "vm.c"]
[templates.small]
count = 3`,
    ),
  ).toBe(`lab.toml:4:9-13 config/unknown-reference: There is no image "bb"
  → Did you mean "b"?
lab.toml:6:8-16 config/unknown-reference: There is no role "docker"
  → The lab declares no roles.
lab.toml:8:12-18 config/unknown-reference: There is no template "smal"
  → Did you mean "small"?
lab.toml:9:15-23 config/unknown-reference: There is no VM "wbe"
  → Did you mean "web"?
lab.toml:9:25-35 config/unknown-reference: member.x means nothing outside of an environment
  → Write vm.NAME.
lab.toml:9:46-52 config/self-reference: vm.c depends on itself
  → Take the entry out.
lab.toml:11:1-6 config/not-allowed-here: count is not allowed in a template
  → Write count in the VM's own table.`);
});

test("expressions", async () => {
  expect(
    await problems(
      LAB +
        `[vars]
n = { default = 3 }
z = { default = 0 }
[vms.web]
cpus = "\${vars.m}"
memory = "\${vars.n +}"
disk = "\${vms.k8s-cp.disk}"
env = { A = "x \${vms.dbb.name} y", B = "\${foo.x}", C = "\${vms.db.ip}", D = "\${vms.db.ports['81']}", E = "\${[1,2]} x", F = "\${vms.db}", G = "\${secrets.x}", H = "\${self.ssh_port}", I = "\${members.a}", J = "\${each.key}", K = "open \${vars.n", L = "\${1/vars.z}" }
labels = { a = "\${vars.n - 'x'}" }
[vms.db]
cpus = "\${vars.z}"
memory = "\${vars.n > 1 ? 'big' : '1GiB'}"
ports=["8080:80"]`,
    ),
  ).toBe(`lab.toml:7:16-17 config/bad-expression: There is no variable "m"
  → Did you mean "n"?
lab.toml:8:21-21 config/bad-expression: Unexpected token: EOF
lab.toml:9:11-21 config/bad-expression: In an expression "k8s-cp" is a subtraction
  → Write vms.k8s_cp or vms["k8s-cp"].
lab.toml:10:22-25 config/bad-expression: There is no VM "dbb"
  → Did you mean "db"?
lab.toml:10:43-46 config/bad-expression: There is nothing named "foo"
  → There are: vars, secrets, vms, environments, members, self, each, count.
lab.toml:10:66-68 config/bad-expression: vm.db has no ip: it is in no network
  → Add it to one with networks; forwarded ports are reached on the host's own address.
lab.toml:10:92-96 config/bad-expression: vm.db forwards no port 81
  → It forwards 80.
lab.toml:10:108-113 config/bad-expression: A list cannot be put into a string
  → Use join(", ") on a list, or one entry of a table.
lab.toml:10:126-132 config/bad-expression: vm.db is a whole resource: name one of its attributes
lab.toml:10:151-152 config/bad-expression: There is no secret "x"
  → The lab declares no secrets.
lab.toml:10:168-176 config/bad-expression: vm.web cannot use its own ssh_port
  → It is known only after the VM has started.
lab.toml:10:187-194 config/bad-expression: members exists only inside an environment
  → Use vms.NAME or environments.NAME.vms.
lab.toml:10:207-211 config/bad-expression: each exists only in VMs with for_each
lab.toml:10:229-237 config/bad-expression: The expression has no closing brace
  → Write $\${ for a literal \${.
lab.toml:10:247-255 config/bad-expression: division by zero
lab.toml:11:19-31 config/bad-expression: no such overload: dyn - string
lab.toml:13:8-19 config/out-of-range: cpus cannot be 0
  cpus takes a whole number from 1 to 256.
lab.toml:14:10-42 config/bad-value: memory cannot be "big"
  memory takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.`);
});

test("settings computed from each other", async () => {
  expect(
    await problems(
      LAB +
        `[vms.a]
cpus = "\${vms.b.cpus}"
[vms.b]
cpus = "\${vms.a.cpus}"`,
    ),
  ).toBe(`lab.toml:4:8-23 config/reference-cycle: Settings are computed from each other: vms.a.cpus → vms.b.cpus → vms.a.cpus
  → Give one of them a plain value.`);
});

test("what must be known when planning, and paths", async () => {
  expect(
    await problems(
      LAB +
        `[secrets]
s = {}
[vms.a]
lifecycle = { prevent_destroy = "\${secrets.s == 'x'}" }
ready = { command = "x", timeout = "\${secrets.s}" }
scripts = ["../x.sh"]
files = [{ to = "/x" }, { to = "/x", from = "/etc/passwd" }]`,
    ),
  ).toBe(`lab.toml:6:33-54 config/must-be-known: lifecycle.prevent_destroy must be known when planning
  It reads what only secret.s can tell, after it was made.
  → Use a plain value or a variable that is not sensitive.
lab.toml:7:36-50 config/must-be-known: ready.timeout must be known when planning
  It reads what only secret.s can tell, after it was made.
  → Use a plain value or a variable that is not sensitive.
lab.toml:8:12-21 config/path-outside: ../x.sh is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.
lab.toml:9:10-23 config/file-source: A file needs from or content
  → Add from = "PATH" or content = "TEXT".
lab.toml:9:45-58 config/path-outside: /etc/passwd is outside of the lab's folder
  Files of a lab are named relative to the file that declares them, so that the lab can move.
  → Put the file into the lab's folder and name it from there.`);
});
