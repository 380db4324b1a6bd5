import { describe, expect, test } from "@jest/globals";
import { resource, vm } from "../expanded.ts";
import { expand, LAB, problems } from "../memory-lab.ts";

const GiB = 2 ** 30;

describe("a VM", () => {
  test("gets the schema's defaults, in bytes and milliseconds", async () => {
    const expansion = await expand(`${LAB}[vms.web]`);
    expect(resource(expansion, "vm.web")).toEqual({
      address: "vm.web",
      type: "vm",
      name: "web",
      provider: "qemu",
      inputs: {
        image: "b",
        cpus: 1,
        memory: GiB,
        disk: 10 * GiB,
        firmware: "bios",
        machine: "pc",
        accel: "auto",
        power: "running",
        login: { user: "vmlab", keys: [] },
        ports: [],
        labels: {},
        env: {},
        steps: [],
        on_change: "rerun",
        timeouts: {
          bootMs: 300_000,
          loginMs: 120_000,
          cloudInitMs: 600_000,
          stepMs: 1_800_000,
          stopMs: 60_000,
        },
      },
      dependsOn: ["image.b"],
      origin: { file: "lab.toml", path: ["vms", "web"] },
      preventDestroy: false,
    });
  });

  test("takes template, environment defaults and its own settings: tables merge, lists replace", async () => {
    const expansion = await expand(`${LAB}
[templates.base]
labels = { a = "base", b = "base" }
run = ["base"]
[templates.small]
template = "base"
cpus = 3
memory = "2GiB"
disk = "3GiB"
env = { A = "template", B = "template", C = "template", D = "template" }
login = { user = "joe", keys = ["ssh-ed25519 AAAAC3 a"] }
[environments.e]
defaults = { template = "small", memory = "3GiB", env = { B = "defaults", C = "defaults", D = "defaults" } }
env = { C = "environment", D = "environment" }
[environments.e.vms.x]
disk = "5GiB"
env = { D = "own" }
labels = { b = "own" }
login = { keys = [] }
run = []
`);
    expect(vm(expansion, "e-x")).toMatchObject({
      cpus: 3,
      memory: 3 * GiB,
      disk: 5 * GiB,
      env: { A: "template", B: "defaults", C: "environment", D: "own" },
      labels: { a: "base", b: "own" },
      login: { user: "joe", keys: [] },
      steps: [],
    });
  });

  test("stands on the image or role that the highest layer names", async () => {
    const expansion = await expand(`${LAB}
[images.c]
url = "http://example.org/c.img"
user = "debian"
[roles.r]
image = "c"
files = [{ content = "x", to = "/x" }]
scripts = ["r.sh"]
[templates.t]
role = "r"
[vms.a]
[vms.b]
template = "t"
run = ["own"]
[vms.c]
template = "t"
image = "b"
`);
    expect(vm(expansion, "a")).toMatchObject({ image: "b", login: { user: "vmlab" } });
    expect(vm(expansion, "a").role).toBeUndefined();
    expect(vm(expansion, "b")).toMatchObject({
      role: "r",
      on_missing_image: "build",
      login: { user: "debian" },
      steps: [{ kind: "run", command: "own" }],
    });
    expect(vm(expansion, "b").image).toBeUndefined();
    expect(resource(expansion, "role.r")).toMatchObject({
      type: "role",
      provider: "packer",
      dependsOn: ["image.c"],
      inputs: {
        source: "build",
        user: "debian",
        build: {
          parent: "image.c",
          options: {},
          requires: [],
          steps: [
            { kind: "file", to: "/x", mode: "0644", owner: "root:root", content: "x" },
            { kind: "script", path: "r.sh" },
          ],
          verify: [],
          disk: 8 * 1024 ** 3,
          cpus: 2,
          memory: 1024 ** 3,
          timeoutMs: 7_200_000,
        },
      },
    });
    expect(vm(expansion, "c")).toMatchObject({ image: "b", steps: [] });
    expect(vm(expansion, "c").role).toBeUndefined();
  });

  test("normalises ports", async () => {
    const expansion = await expand(
      `${LAB}[vms.web]\nports = ["80", "8080:81", "0.0.0.0:5353:53/udp", "\${9000 + 1}:443"]`,
    );
    expect(vm(expansion, "web").ports).toEqual([
      "127.0.0.1:0:80/tcp",
      "127.0.0.1:8080:81/tcp",
      "0.0.0.0:5353:53/udp",
      "127.0.0.1:9001:443/tcp",
    ]);
  });

  test("names its files relative to the file that declares them", async () => {
    const expansion = await expand({
      "lab.toml": `${LAB.replace('"demo"', '"demo", include = ["envs/*.toml"]')}`,
      "envs/k.toml": '[vms.x]\nscripts = ["a.sh", "../b.sh"]\nfiles = [{ from = "f/c", to = "/c" }]',
    });
    expect(vm(expansion, "x").steps).toMatchObject([
      { from: "envs/f/c" },
      { path: "envs/a.sh" },
      { path: "b.sh" },
    ]);
    expect(resource(expansion, "vm.x").origin).toEqual({ file: "envs/k.toml", path: ["vms", "x"] });
  });
});

test("a mistake in a template that many VMs use is told once", async () => {
  const lab = `${LAB}[templates.t]\ncpus = "\${0}"\n[vms.web]\ntemplate = "t"\ncount = 5\n`;
  expect(await problems(lab)).toBe(`lab.toml:4:8-14 config/out-of-range: cpus cannot be 0
  cpus takes a whole number from 1 to 256.`);
});
