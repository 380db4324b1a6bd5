/**
 * The whole chain on real machines: base → roles of the catalogue → a custom image → VMs, from nothing. Takes the
 * better part of an hour under emulation, so only on request (make test-full).
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";

const run = promisify(execFile);
const MINUTE = 60_000;
let lab: CliLab;
let image: string;

const SCRIPT = "#!/bin/sh\nset -eu\necho one > /etc/web.conf\necho two >> /etc/web.conf\n";
const toml = () => `lab = { name = "chain", image = "bookworm" }
[images]
bookworm = { path = "${image}", user = "debian", os = "debian-12" }
[images.web]
role = "docker"
packages = ["tree"]
scripts = ["web.sh"]
verify = ["tree --version"]
[roles]
docker = { use = "docker" }
lxd = { use = "lxd" }
observer = { use = "observer" }
[templates.small]
memory = "768MiB"
[vms.docker]
template = "small"
role = "docker"
[vms.lxd]
template = "small"
role = "lxd"
[vms.mon]
template = "small"
role = "observer"
ports = ["9100"]
[vms.web]
template = "small"
image = "web"
[vms.spare]
template = "small"
image = "web"
power = "stopped"
`;

const changes = (plan: string) =>
  plan
    .split("\n")
    .filter((line) => /^ {2}\d+ /.test(line))
    .map((line) =>
      line
        .replace(/^ *\d+ +/, "")
        .replace(/ +lab\.toml:.*$/, "")
        .replace(/ {2,}/g, "  "),
    )
    .sort();
const guest = (vm: string, command: string) => lab.ok("exec", vm, "--", command);

beforeAll(async () => {
  image = await bookworm();
  lab = await CliLab.create("lab = { name = 'chain' }\n");
  await lab.write(SCRIPT, "web.sh");
  await lab.write(toml());
}, 20 * MINUTE);
afterAll(() => lab.dispose());

longTest(
  "docker, lxd, observer and a custom image are built, boot, and answer; each layer is on the disk once",
  async () => {
    await lab.ok("apply", "--yes");
    expect(await guest("docker", "sudo docker info --format '{{.ServerVersion}}'")).toMatch(/^20\.10\./);
    expect(await guest("lxd", "sudo lxc list --format csv && echo listed")).toContain("listed");
    expect(await guest("mon", "curl -fs localhost:9100/metrics | head -n 1")).toContain("# HELP");
    expect(
      await guest("web", "sudo docker info >/dev/null && tree --version && cat /etc/web.conf"),
    ).toContain("one\ntwo\n");

    const begun = Date.now();
    expect(await lab.ok("plan")).toContain("No changes.");
    process.stdout.write(`a plan without changes took ${Date.now() - begun} ms\n`);

    // One line of the custom image's script: that image and its VMs, nothing else.
    await lab.write(SCRIPT.replace("two", "three"), "web.sh");
    const plan = await lab.ok("plan");
    expect(changes(plan)).toEqual([
      "±  image.web  rebuild on role.docker, 2 steps  ← web.sh changed (+1 −1)",
      "±  vm.spare  replace  ← image.web",
      "±  vm.web  replace  ← image.web",
    ]);
    expect(plan).toContain("+echo three >> /etc/web.conf");
    await lab.write(SCRIPT, "web.sh");
    expect(await lab.ok("plan")).toContain("No changes.");

    await lab.write(
      toml().replace('docker = { use = "docker" }', 'docker = { use = "docker", packages = ["tree"] }'),
    );
    expect(changes(await lab.ok("plan")).map((line) => line.split("  ")[1])).toEqual([
      "image.web",
      "role.docker",
      "vm.docker",
      "vm.spare",
      "vm.web",
    ]);
    await lab.write(toml());

    // One copy of each layer: what the store and the VMs take is what their own files take.
    const images = await lab.json<{ name: string; digest: string; size: number; layers: string[] }[]>(
      "images",
      "--json",
    );
    expect(images.map(({ name }) => name).sort()).toEqual([
      "bookworm",
      "bookworm-docker",
      "bookworm-lxd",
      "bookworm-observer",
      "web",
    ]);
    const du = async (path: string) => Number((await run("du", ["-sB1", path])).stdout.split("\t")[0]);
    const store = await du(join(lab.home, "images"));
    const vms = await du(join(lab.home, "vms"));
    const sizes = await Promise.all(images.map(({ digest }) => du(join(lab.home, "images", digest))));
    expect(Math.abs(store - sizes.reduce((a, b) => a + b, 0))).toBeLessThan(1024 * 1024);
    expect(await readdir(join(lab.home, "vms"))).toHaveLength(5);
    for (const [index, { name }] of images.entries())
      process.stdout.write(`${name}: ${Math.round((sizes[index] ?? 0) / 2 ** 20)} MiB\n`);
    process.stdout.write(`store ${Math.round(store / 2 ** 20)} MiB, VMs ${Math.round(vms / 2 ** 20)} MiB\n`);
    const history = await lab.ok("images", "history", "web");
    expect(history).toMatch(/bookworm/);
    expect(history).toMatch(/tree/);
    process.stdout.write(history);
  },
  120 * MINUTE,
);
