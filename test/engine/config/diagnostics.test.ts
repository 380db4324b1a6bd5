/** What a reader sees of each kind of bad input: the whole text, with file, line and columns. */
import { expect, test } from "@jest/globals";
import { problems } from "./memory-lab.ts";

/** Two lines that make a lab in which a VM needs nothing but its name. */
const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

test("a table in the singular", async () => {
  expect(
    await problems(
      LAB +
        `[vm.web]
cpus = 1`,
    ),
  ).toBe(`lab.toml:3:2-4 config/unknown-key: There is no table [vm]
  → Write [vms.web]`);
});

test("an unknown table", async () => {
  expect(
    await problems(
      LAB +
        `[netwroks.web]
cpus = 1`,
    ),
  ).toBe(`lab.toml:3:2-10 config/unknown-key: There is no table [netwroks]
  → Did you mean "networks"?`);
});

test("unknown settings: slips, words of other tools, settings of other tables", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
memroy = "1GiB"
ram = "2GiB"
hostname = "x"
user = "x"`,
    ),
  ).toBe(`lab.toml:4:1-7 config/unknown-key: vms.web has no setting "memroy"
  → Did you mean "memory"?
lab.toml:5:1-4 config/unknown-key: vms.web has no setting "ram"
  → vmlab calls it memory.
lab.toml:6:1-9 config/unknown-key: vms.web has no setting "hostname"
  → The table's name is the hostname.
lab.toml:7:1-5 config/unknown-key: vms.web has no setting "user"
  → "user" is a setting of login, as in login.user.`);
});

test("wrong types", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
cpus = "2"
memory = true
disk = "10 Gibs"
ports = "80"
run = ["a", 3]
env = { A = 1 }
lifecycle = { prevent_destroy = "yes" }`,
    ),
  ).toBe(`lab.toml:4:8-11 config/wrong-type: vms.web.cpus cannot be a string
  vms.web.cpus takes a whole number from 1 to 256.
  → Leave the quotes away: 2
lab.toml:5:10-14 config/wrong-type: vms.web.memory cannot be true
  vms.web.memory takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.
lab.toml:6:8-17 config/bad-value: vms.web.disk cannot be "10 Gibs"
  vms.web.disk takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.
lab.toml:7:9-13 config/wrong-type: vms.web.ports cannot be a string
  vms.web.ports takes a list.
  → Write a list: ["80"]
lab.toml:8:13-14 config/wrong-type: vms.web.run[1] cannot be the number 3
  vms.web.run[1] takes a string that is not empty.
  → Put it in quotes: "3"
lab.toml:9:13-14 config/wrong-type: vms.web.env.A cannot be the number 1
  vms.web.env.A takes a string.
  → Put it in quotes: "1"
lab.toml:10:33-38 config/wrong-type: vms.web.lifecycle.prevent_destroy cannot be a string
  vms.web.lifecycle.prevent_destroy takes true or false.`);
});

test("numbers out of range", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
cpus = 0
memory = 0
[vms.db]
cpus = 999
count = -1`,
    ),
  ).toBe(`lab.toml:4:8-9 config/out-of-range: vms.web.cpus cannot be 0
  vms.web.cpus takes a whole number from 1 to 256.
lab.toml:5:10-11 config/out-of-range: vms.web.memory cannot be 0
  vms.web.memory takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.
lab.toml:7:8-11 config/out-of-range: vms.db.cpus cannot be 999
  vms.db.cpus takes a whole number from 1 to 256.
lab.toml:8:9-11 config/out-of-range: vms.db.count cannot be -1
  vms.db.count takes a whole number from 0 to 100000.`);
});

test("words that are not in the list", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
power = "runing"
firmware = 3
on_change = "rebuild"`,
    ),
  ).toBe(`lab.toml:4:9-17 config/not-allowed: vms.web.power cannot be "runing"
  vms.web.power takes one of "running", "stopped", "manual".
  → Did you mean "running"?
lab.toml:5:12-13 config/wrong-type: vms.web.firmware cannot be the number 3
  vms.web.firmware takes one of "bios", "uefi".
lab.toml:6:13-22 config/not-allowed: vms.web.on_change cannot be "rebuild"
  vms.web.on_change takes one of "rerun", "replace", "ignore".`);
});

test("a name that the reader of TOML would lose", async () => {
  expect(
    await problems(
      LAB +
        `[vms.Web_1]
[vms.x-]
[vars.A]
[vms.constructor]`,
    ),
  ).toBe(`lab.toml:6:6-17 config/reserved-key: "constructor" cannot be used as a key
  The name is reserved: it belongs to every object of the language vmlab is written in.
  → Choose another name.`);
});

test("names with wrong characters", async () => {
  expect(
    await problems(
      LAB +
        `[vms.Web_1]
[vms.x-]
[vars.my-var]
default=1`,
    ),
  ).toBe(`lab.toml:3:6-11 config/bad-name: "Web_1" cannot be a name in vms
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → Possible: web-1
lab.toml:4:6-8 config/bad-name: "x-" cannot be a name in vms
  A name is 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.
  → Possible: x
lab.toml:5:7-13 config/bad-name: "my-var" cannot be a name in vars
  A name is 1 to 40 lower-case letters, digits and underscores, beginning with a letter.
  → Possible: my_var`);
});

test("strings of the wrong form", async () => {
  expect(
    await problems(
      LAB +
        `[vms.web]
ports = ["80:80:80", "99999", "80", "80"]
machine = "q35"
depends_on = ["web"]
ready = { command = "", timeout = "5 minutes" }
files = [{ to = "etc/x", mode = "999" }]`,
    ),
  ).toBe(`lab.toml:4:9-42 config/duplicate-item: vms.web.ports lists an item twice
  → Keep one of the two.
lab.toml:4:10-20 config/bad-value: vms.web.ports[0] cannot be "80:80:80"
  vms.web.ports[0] takes a port such as "80", "8080:80", "0.0.0.0:8080:80" or "53/udp", with numbers from 1 to 65535.
lab.toml:5:11-16 config/bad-value: vms.web.machine cannot be "q35"
  vms.web.machine takes pc, or a versioned form of it such as pc-i440fx-7.2.
lab.toml:6:15-20 config/bad-value: vms.web.depends_on[0] cannot be "web"
  vms.web.depends_on[0] takes an address such as "vm.db", "member.cp", "environment.k8s" or "vm.web-*".
lab.toml:7:21-23 config/bad-value: vms.web.ready.command cannot be ""
  vms.web.ready.command takes a string that is not empty.
lab.toml:7:35-46 config/bad-value: vms.web.ready.timeout cannot be "5 minutes"
  vms.web.ready.timeout takes a duration such as "30s", "5m" or "1h30m".
lab.toml:8:17-24 config/bad-value: vms.web.files[0].to cannot be "etc/x"
  vms.web.files[0].to takes an absolute path in the guest, such as "/etc/app.toml".
lab.toml:8:33-38 config/bad-value: vms.web.files[0].mode cannot be "999"
  vms.web.files[0].mode takes an octal mode such as "0644".`);
});

test("no [lab]", async () => {
  expect(await problems(`[vms.web]`)).toBe(`lab.toml:1:1-1 config/missing-key: lab.toml lacks [lab]
  Settings of the lab as a whole.
  → Add: lab = { name = "demo" }`);
});

test("missing settings", async () => {
  expect(
    await problems(`lab = {}
[images.x]
bootstrap = { suite = "a" }
[vms.web]
files=[{content="x"}]
ready={}`),
  ).toBe(`lab.toml:1:1-4 config/missing-key: lab lacks name
  The lab's name.
  → Add: name = …
lab.toml:3:1-10 config/missing-key: images.x.bootstrap lacks distribution
  The distribution.
  → Add: distribution = …
lab.toml:5:8-21 config/missing-key: vms.web.files[0] lacks to
  The absolute path in the guest.
  → Add: to = …
lab.toml:6:1-6 config/missing-key: vms.web.ready lacks command
  A shell command, run as root until it exits with 0.
  → Add: command = …`);
});

test("a syntax error", async () => {
  expect(
    await problems(`[lab
name = 1`),
  ).toBe(
    `lab.toml:2:1-2 config/toml-syntax: Not valid TOML: the key, equals sign, and value must be on the same line`,
  );
});

test("a table written twice", async () => {
  expect(
    await problems(`lab = { name = "x" }
[vms.a]
[vms.a]`),
  ).toBe(`lab.toml:3:6-7 config/duplicate-key: "vms.a" is defined twice
  → Keep one of the two.`);
});

test("a key written twice", async () => {
  expect(
    await problems(`lab = { name = "x" }
[vms.a]
cpus = 1
cpus = 2`),
  ).toBe(`lab.toml:4:1-2 config/duplicate-key: "cpus" is defined twice
  → Keep one of the two.`);
});

test("values that no setting takes", async () => {
  expect(
    await problems(`lab = { name = "x" }
d = 1999-02-03
i = 9223372036854775808
f = inf`),
  ).toBe(`lab.toml:2:5-15 config/date-not-supported: d is a date or time, which no setting takes
  → Write it as a string in quotes.
lab.toml:3:5-24 config/integer-too-big: i is beyond the whole numbers that vmlab can hold exactly
  Whole numbers go from -9007199254740991 to 9007199254740991.
  → Use a smaller number, or write it as a string in quotes.
lab.toml:4:5-8 config/not-a-number: f is not a finite number
  → Write a plain number.`);
});

test("a day that does not exist", async () => {
  expect(
    await problems(`lab = { name = "x" }
d = 1999-02-30
`),
  ).toBe(`lab.toml:2:14-15 config/toml-syntax: Not valid TOML: there is no such date or time`);
});

test("a value where tables belong", async () => {
  expect(
    await problems(
      LAB +
        `vms = 3
roles = 4`,
    ),
  ).toBe(`lab.toml:3:7-8 config/wrong-type: vms cannot be the number 3
  vms takes a table.
lab.toml:4:9-10 config/wrong-type: roles cannot be the number 4
  roles takes a table.`);
});

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

test("images: digests and checksums", async () => {
  expect(
    await problems(`lab = { name = "x" }
[images.a]
[images.b]
url = "http://x/y"
path = "x"
[images.c]
digest="sha256:12"
[images.d]
path="../x"
checksum="sha1:1"
[vms.web]
[vms.x]
image="a"
role="r"`),
  ).toBe(`lab.toml:7:8-19 config/bad-value: images.c.digest cannot be "sha256:12"
  images.c.digest takes sha256: and 64 lower-case hex digits.
lab.toml:10:10-18 config/bad-value: images.d.checksum cannot be "sha1:1"
  images.d.checksum takes sha256: and 64 hex digits, sha512: and 128 hex digits, or file: and the URL of a SHA256SUMS or SHA512SUMS file.`);
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

test("a secret that is too short", async () => {
  expect(
    await problems(
      LAB +
        `[secrets]
a = { kind = "password", pattern = "x" }
b = { kind = "pattern" }
c = { length = 4 }`,
    ),
  ).toBe(`lab.toml:6:16-17 config/out-of-range: secrets.c.length cannot be 4
  secrets.c.length takes a whole number from 8 to 256.`);
});

test("limits", async () => {
  expect(
    await problems(
      LAB +
        `[limits]
memory = "lots"
cpus = 0
`,
    ),
  ).toBe(`lab.toml:4:10-16 config/bad-value: limits.memory cannot be "lots"
  limits.memory takes a size such as "512MiB", "2GiB", "10GB", or a whole number of bytes.
lab.toml:5:8-9 config/out-of-range: limits.cpus cannot be 0
  limits.cpus takes a whole number of at least 1.`);
});

test("lines that end in CR LF", async () => {
  expect(
    await problems(`lab = { name = "demo", image = "b" }\r
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }\r
[vms.web]\r
memroy = 1\r
`),
  ).toBe(`lab.toml:4:1-7 config/unknown-key: vms.web has no setting "memroy"
  → Did you mean "memory"?`);
});
