import { describe, expect, test } from "@jest/globals";
import type { Expansion, Resource, VmInputs } from "../../../engine/config/types.ts";
import type { JsonObject } from "../../../engine/json.ts";
import { expand, problems } from "./memory-lab.ts";

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;
const GiB = 2 ** 30;

function resource(expansion: Expansion, address: string): Resource {
  const found = expansion.resources.find((one) => one.address === address);
  if (found === undefined) throw new Error(`no ${address}`);
  return found;
}

function vm(expansion: Expansion, name: string): VmInputs {
  return resource(expansion, `vm.${name}`).inputs as VmInputs;
}

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

describe("count, for_each and environments", () => {
  const lab = `${LAB}
[vars]
n = { default = 2 }
[vms.web]
count = "\${vars.n}"
env = { I = "\${count.index}" }
[vms.site]
for_each = { red = { size = 3 }, blue = { size = 4 } }
cpus = "\${each.value.size}"
[vms.none]
count = 0
[environments.k8s.vms.cp]
[environments.k8s.vms.worker]
count = "\${vars.n}"
depends_on = ["member.cp"]
env = { CP = "\${members.cp.name}", ALL = "\${members.worker.map(w, w.name).join(',')}", SELF = "\${self.hostname}" }
[environments.k8s.vms.store]
for_each = ["a"]
depends_on = ["vm.web-*", "environment.k8s"]
`;

  test("make the names and addresses that the state keeps", async () => {
    const { resources } = await expand(lab);
    expect(
      resources.filter(({ type }) => type === "vm").map(({ address, environment }) => [address, environment]),
    ).toEqual([
      ["vm.web-1", { member: "web", key: 1 }],
      ["vm.web-2", { member: "web", key: 2 }],
      ["vm.site-red", { member: "site", key: "red" }],
      ["vm.site-blue", { member: "site", key: "blue" }],
      ["vm.k8s-cp", { environment: "k8s", member: "cp" }],
      ["vm.k8s-worker-1", { environment: "k8s", member: "worker", key: 1 }],
      ["vm.k8s-worker-2", { environment: "k8s", member: "worker", key: 2 }],
      ["vm.k8s-store-a", { environment: "k8s", member: "store", key: "a" }],
    ]);
  });

  test("give expressions count, each, self and members", async () => {
    const expansion = await expand(lab);
    expect([vm(expansion, "web-1").env, vm(expansion, "web-2").env]).toEqual([{ I: "0" }, { I: "1" }]);
    expect([vm(expansion, "site-red").cpus, vm(expansion, "site-blue").cpus]).toEqual([3, 4]);
    expect(vm(expansion, "k8s-worker-2").env).toEqual({
      CP: "k8s-cp",
      ALL: "k8s-worker-1,k8s-worker-2",
      SELF: "k8s-worker-2",
    });
  });

  test("resolve depends_on to addresses; a VM in its own glob or environment does not count", async () => {
    const expansion = await expand(lab);
    expect(resource(expansion, "vm.k8s-worker-1").dependsOn).toEqual(["image.b", "vm.k8s-cp"]);
    expect(resource(expansion, "vm.k8s-store-a").dependsOn).toEqual([
      "image.b",
      "vm.web-1",
      "vm.web-2",
      "vm.k8s-cp",
      "vm.k8s-worker-1",
      "vm.k8s-worker-2",
    ]);
  });
});

describe("order", () => {
  const lab = `${LAB}
[secrets]
s = {}
[vms.a]
ports = ["8080:80", "443"]
[vms.plain]
env = { NAME = "\${vms.a.name}", MEMORY = "\${vms.a.memory / MiB}", PORT = "\${vms.a.ports['80']}" }
[vms.live]
env = { SSH = "\${vms.a.ssh_port}" }
[vms.chosen]
env = { PORT = "\${vms.a.ports['443']}" }
[vms.secret]
env = { S = "\${secrets.s}" }
[vms.through]
labels = { l = "\${vms.a.ssh_port}" }
[vms.indirect]
env = { L = "\${vms.through.labels.l}" }
[environments.e.vms.x]
[environments.e.vms.y]
[vms.looped]
env = { P = "\${environments.e.vms.map(v, string(v.ssh_port)).join(',')}", N = "\${environments.e.vms.map(v, v.name).join(',')}" }
`;
  const dependencies = async (live: Record<string, JsonObject> = {}): Promise<Record<string, string[]>> => {
    const { resources } = await expand(lab, {
      lineage: "0123456789abcdef",
      recorded: {},
      liveAttributes: (address) => live[address],
      hash: () => "h",
    });
    return Object.fromEntries(
      resources
        .filter(({ type }) => type === "vm")
        .map(({ name, dependsOn }) => [name, dependsOn.filter((one) => one !== "image.b")]),
    );
  };
  const expected = {
    a: [],
    plain: [],
    live: ["vm.a"],
    chosen: ["vm.a"],
    secret: ["secret.s"],
    through: ["vm.a"],
    indirect: ["vm.a"],
    "e-x": [],
    "e-y": [],
    looped: ["vm.e-x", "vm.e-y"],
  };

  test("comes from values that only a running VM or the state can tell", async () => {
    expect(await dependencies()).toEqual(expected);
  });

  test("is the same when the values are recorded", async () => {
    const recorded = { ssh_port: 1, ports: { "443": 2 } };
    expect(
      await dependencies({
        "vm.a": recorded,
        "vm.e-x": recorded,
        "vm.e-y": recorded,
        "secret.s": { value: "v" },
      }),
    ).toEqual(expected);
  });
});

test("an image that nothing needs is no resource of a plan", async () => {
  const expansion = await expand(`${LAB}[images.spare]\npath = "/spare.img"\n[vms.web]`);
  expect(expansion.resources.map(({ address }) => address)).toEqual(["image.b", "vm.web"]);
  expect(expansion.unneeded?.map(({ address }) => address)).toEqual(["image.spare"]);
});

test("the fake provider makes both VMs and images", async () => {
  const { resources } = await expand(`${LAB.replace('"demo"', '"demo", provider = "fake"')}[vms.web]`);
  expect(resources.map(({ provider }) => provider)).toEqual(["fake", "fake"]);
});

test("secrets are normalised", async () => {
  const { resources } = await expand(
    `${LAB}[secrets]\na = {}\nb = { pattern = "[a-z]{4}" }\nc = { kind = "ssh_key" }\nd = { length = 40 }`,
  );
  expect(resources.map(({ address, inputs, provider }) => [address, inputs, provider])).toEqual([
    ["secret.a", { kind: "password", length: 24 }, "engine"],
    ["secret.b", { kind: "pattern", pattern: "[a-z]{4}" }, "engine"],
    ["secret.c", { kind: "ssh_key" }, "engine"],
    ["secret.d", { kind: "password", length: 40 }, "engine"],
  ]);
});

test("a certificate is bound to its authority", async () => {
  const secrets = `${LAB}[secrets.k8s_ca]
kind = "ca"
common_name = "kubernetes"
[secrets.etcd]
kind = "cert"
ca = "k8s_ca"
hosts = ["\${vms.web.name}", "*.lab", "10.42.0.10", "::1"]
usage = ["server", "client"]
[vms.web]
`;
  const recorded = await expand(secrets, {
    lineage: "0123456789abcdef",
    recorded: {},
    liveAttributes: () => ({ cert: "C", key: "K", spki_sha256: "ab12" }),
    hash: () => "",
  });
  expect(resource(recorded, "secret.k8s_ca").inputs).toEqual({ kind: "ca", common_name: "kubernetes" });
  expect(resource(recorded, "secret.etcd").dependsOn).toEqual(["secret.k8s_ca"]);
  const etcd = {
    kind: "cert",
    common_name: "etcd",
    ca: "k8s_ca",
    hosts: ["web", "*.lab", "10.42.0.10", "::1"],
    usage: ["server", "client"],
  };
  expect(resource(recorded, "secret.etcd").inputs).toEqual({ ...etcd, issuer: "ab12" });
  const issuer = {
    $expr: "${secrets.k8s_ca.spki_sha256}",
    scope: "lab",
    sensitive: false,
    as: "string",
  };
  expect(resource(await expand(secrets), "secret.etcd").inputs).toEqual({ ...etcd, issuer });
});

test("paths and users' names are no place for secrets", async () => {
  const lab = `${LAB}[secrets]
token = {}
[vms.web]
login = { user = "u\${secrets.token}" }
files = [{ content = "\${secrets.token}", to = "/etc/\${secrets.token}" }]
`;
  expect(
    await problems(lab),
  ).toBe(`lab.toml:6:18-37 config/secret-shown: A user's name cannot be computed from a secret
  Programs take it as an argument, which everybody on the host or in the guest can read.
  → Use a plain value, or a variable that is not sensitive.
lab.toml:7:47-70 config/secret-shown: A path cannot be computed from a secret
  Programs take it as an argument, which everybody on the host or in the guest can read.
  → Use a plain value, or a variable that is not sensitive.`);
});

test("wrong settings of secrets are told where they stand", async () => {
  const lab = `${LAB}[secrets]
token = { pattern = "[a-z]{4}" }
k8s_ca = { kind = "ca", hosts = ["web"] }
a = { kind = "cert" }
b = { kind = "cert", ca = "k8s_ac", hosts = ["https://web"] }
c = { kind = "cert", ca = "token", usage = ["client"] }
d = { kind = "cert", ca = "k8s_ca", hosts = ["\${secrets.token}"] }
`;
  expect(
    await problems(lab),
  ).toBe(`lab.toml:5:25-30 config/not-allowed-here: hosts belongs to secrets of kind "cert"
  → Take hosts out, or write kind = "cert".
lab.toml:6:1-2 config/missing-key: The secret "a" has no hosts
  → Add the names and addresses of the server, such as hosts = ["web", "10.42.0.10"].
lab.toml:6:1-2 config/missing-key: The secret "a" has no ca
  → Add ca = "NAME", the name of a secret of kind "ca".
lab.toml:7:27-35 config/unknown-reference: There is no secret "k8s_ac"
  → Did you mean "k8s_ca"?
lab.toml:7:46-59 config/bad-value: hosts[0] cannot be "https://web"
  A host is a DNS name or an IP address, without a port.
lab.toml:8:27-34 config/unknown-reference: The secret "token" is of kind "pattern", not "ca"
  → Declared: k8s_ca.
lab.toml:9:46-64 config/must-be-known: hosts[0] must be known when planning
  It reads what only secret.token can tell, after it was made.
  → Use a plain value or a variable that is not sensitive.`);
});

test("a mistake in a template that many VMs use is told once", async () => {
  const lab = `${LAB}[templates.t]\ncpus = "\${0}"\n[vms.web]\ntemplate = "t"\ncount = 5\n`;
  expect(await problems(lab)).toBe(`lab.toml:4:8-14 config/out-of-range: cpus cannot be 0
  cpus takes a whole number from 1 to 256.`);
});
