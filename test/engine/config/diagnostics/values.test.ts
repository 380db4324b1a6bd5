/**
 * What a reader sees of values that a setting does not take. The whole text is expected, with file, line and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

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
