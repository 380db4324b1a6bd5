/** Images built for real: Packer, QEMU and a Debian guest. */
import { spawn } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ProvisionStep } from "../../engine/config/types.ts";
import { imageDiskPath, readRecord } from "../../providers/images/store.ts";
import type { ImageParent } from "../../providers/provider.ts";
import { type BuildRig, buildRig, GiB } from "../support/build-rig.ts";
import { bundleChild } from "../support/bundle-child.ts";
import { gone } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { diagnosticsOf } from "../support/guests/provider-rig.ts";
import { longTest } from "../support/long-test.ts";
import { qcow2Facts } from "../support/qcow2-facts.ts";

const MINUTE = 60_000;
let rig: BuildRig;
let building: Promise<ImageParent & { readonly digest: string }> | undefined;

beforeAll(async () => {
  rig = await buildRig(await bookworm(), "debian");
}, 20 * MINUTE);
afterAll(() => rig.dispose());

/** A role with a step of each kind, built by whichever test comes first. */
function tools(): Promise<ImageParent & { readonly digest: string }> {
  building ??= (async () => {
    const spec = await rig.spec("role.tools", { steps: await toolsSteps(), verify: SEALED, disk: 3 * GiB });
    const { digest } = await rig.packer.obtain(spec, rig.call());
    return { address: "role.tools", key: spec.key, digest };
  })();
  return building;
}

/** A step of each kind; the script remembers whose machine it was built in. */
async function toolsSteps(): Promise<readonly ProvisionStep[]> {
  const identity = [
    "#!/bin/bash",
    "set -e",
    "[[ $PWD = / && $(id -u) = 0 ]]",
    "mkdir -p /srv/builder",
    "cp /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /srv/builder",
    "cut -d: -f1,2 /etc/shadow | grep ^root: >/srv/builder/shadow",
    "cloud-init schema --system >/srv/builder/schema 2>&1 || echo bad >>/srv/builder/schema",
    'echo "built by $BASH"',
  ];
  return [
    { kind: "packages", names: ["tree"] },
    { kind: "file", to: "/etc/made/by", mode: "0640", owner: "root:adm", content: "vmlab ${HOME} {{ x }}\n" },
    await rig.script("identity.sh", `${identity.join("\n")}\n`),
    { kind: "run", command: "echo one >>/srv/runs" },
  ];
}

/** What has to hold in a VM made from the image: each fails the build if it does not. */
const SEALED = [
  "tree --version",
  'test "$(cat /etc/made/by)" = "vmlab \\${HOME} {{ x }}" && test "$(stat -c "%a %U:%G" /etc/made/by)" = "640 root:adm"',
  'test "$(cat /srv/runs)" = one',
  // An identity of its own.
  "test -s /etc/machine-id && ! cmp -s /etc/machine-id /srv/builder/machine-id",
  "test -s /etc/ssh/ssh_host_ed25519_key.pub && ! cmp -s /etc/ssh/ssh_host_ed25519_key.pub /srv/builder/ssh_host_ed25519_key.pub",
  'test "$(ls /var/log/journal)" = "$(cat /etc/machine-id)"',
  "test $(hostname) = verify",
  // Nothing of the build: neither its key, nor its files, nor a user.
  "! grep -rq 'vmlab build' /root /home",
  "test ! -e /var/lib/vmlab-build && test ! -e /etc/apt/apt.conf.d/99vmlab-build",
  'test "$(getent shadow root | cut -d: -f1,2)" = "$(cat /srv/builder/shadow)"',
  "test $(ls /home) = debian",
  "! grep -q bad /srv/builder/schema",
  // The file system has grown to the image's size.
  "test $(df --output=size -BM / | tail -1 | tr -dc 0-9) -gt 2700",
];

/** Nothing of any build is left but what is in the store. */
async function expectNothingLeft(): Promise<void> {
  expect([...(await rig.marked()).values()]).toEqual([]);
  expect((await rig.list("images")).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
  expect(await rig.list("vms")).toEqual([]);
  expect(await rig.list("keys")).toEqual([]);
  expect(await rig.list("builds")).toEqual([]);
}

longTest(
  "a built image is a thin, sealed layer whose log and recipe are kept",
  async () => {
    const { digest, key } = await tools();
    const record = await readRecord(rig.effects, rig.home, digest);
    expect(record).toMatchObject({
      kind: "role",
      name: "bookworm-tools",
      address: "role.tools",
      source: "built on image.bookworm",
      parent: rig.base.digest,
      keys: [key],
      os: "debian-12",
      user: "debian",
      steps: ["packages tree", "file /etc/made/by", "script identity.sh", "run echo one >>/srv/runs"],
      virtual_size: 3 * GiB,
      build_ms: expect.any(Number),
    });
    expect(await qcow2Facts(imageDiskPath(rig.home, digest))).toEqual({
      backing: `../${rig.base.digest}/disk.qcow2`,
      backingFormat: "qcow2",
      virtualSize: 3 * GiB,
      mode: 0o444,
    });
    // A package list, a package and a log: the rest is the base's.
    expect(record?.size).toBeLessThan(200 * 2 ** 20);
    const log = await readFile(join(rig.home.images, digest, "build.log"), "utf8");
    expect(log.split("\n").filter((line) => line.startsWith("==> step"))).toEqual([
      "==> step 1 of 9: booting",
      "==> step 2 of 9: preparing",
      "==> step 3 of 9: packages tree",
      "==> step 4 of 9: file /etc/made/by",
      "==> step 5 of 9: script identity.sh",
      "==> step 6 of 9: run echo one >>/srv/runs",
      "==> step 7 of 9: sealing",
      "==> step 8 of 9: reading the image",
      "==> step 9 of 9: verifying",
    ]);
    expect(log).toContain("\nbuilt by /bin/bash\n");
    await expectNothingLeft();
  },
  40 * MINUTE,
);

longTest(
  "what was built is not built again",
  async () => {
    const { digest, key } = await tools();
    const spec = await rig.spec("role.tools", { steps: await toolsSteps(), verify: SEALED, disk: 3 * GiB });
    expect(spec.key).toBe(key);
    const call = rig.call();
    rig.told.length = 0;
    expect((await rig.packer.obtain(spec, call)).digest).toBe(digest);
    expect(rig.told).toEqual([]);
  },
  40 * MINUTE,
);

test(
  "an interrupted build leaves nothing behind",
  async () => {
    const spec = await rig.spec("image.web", { steps: [{ kind: "run", command: "true" }] });
    const call = rig.call();
    const reason = new Error("interrupted");
    const obtaining = rig.packer.obtain(spec, call);
    obtaining.catch(() => undefined);
    await machineOf(obtaining);
    call.abort.abort(reason);
    await expect(obtaining).rejects.toBe(reason);
    await expectNothingLeft();
  },
  5 * MINUTE,
);

test(
  "a build whose Packer is killed says so, and leaves nothing behind but its log",
  async () => {
    const spec = await rig.spec("image.web", { steps: [{ kind: "run", command: "true" }] });
    const obtaining = rig.packer.obtain(spec, rig.call());
    obtaining.catch(() => undefined);
    await machineOf(obtaining);
    // The first of them is the one that vmlab started; the others go on.
    const packers = [...(await rig.marked())].filter(([, command]) => command.includes("packer\0build"));
    process.kill(Math.min(...packers.map(([pid]) => pid)), "SIGKILL");
    const [failure] = await diagnosticsOf(obtaining);
    expect(failure).toMatchObject({
      code: "image/build-step-failed",
      address: "image.web",
      summary: "image.web: step 1 of 6: booting failed",
    });
    const log = /The build's log: (.*)$/.exec(failure?.detail ?? "")?.[1] ?? "";
    expect(await readFile(log, "utf8")).toContain("Packer was ended by SIGKILL.");
    await expectNothingLeft();
  },
  5 * MINUTE,
);

test(
  "what a killed vmlab left of a build goes with the next recovery",
  async () => {
    const spec = await rig.spec("image.web", { steps: [{ kind: "run", command: "true" }] });
    const child = await bundleChild("build-image", rig.root);
    await symlink(fileURLToPath(new URL("../..", import.meta.url)), join(rig.root, "assets")).catch(
      () => undefined,
    );
    const file = join(rig.root, "spec.json");
    await writeFile(file, JSON.stringify({ home: rig.home, env: rig.effects.host.env, spec }));
    const vmlab = spawn(process.execPath, [child, file], { stdio: ["ignore", "ignore", "inherit"] });
    const machine = await machineOf(
      new Promise((_, reject) => vmlab.once("exit", () => reject(new Error("it ended")))),
    );
    vmlab.kill("SIGKILL");
    if (vmlab.pid !== undefined) await gone(vmlab.pid);
    // QEMU goes on without anybody to watch it, and the base images' provider has no business with it.
    expect((await rig.marked()).has(machine)).toBe(true);
    expect(await rig.packer.recover()).toEqual([expect.stringMatching(/^unfinished build [0-9a-f]{12}$/)]);
    expect(await rig.packer.recover()).toEqual([]);
    await expectNothingLeft();
  },
  5 * MINUTE,
);

longTest(
  "a failed step is told with its output; its machine can be kept; mended, the build goes through on the other build",
  async () => {
    const parent = await tools();
    const failing = await rig.script("web.sh", "echo now || exit 1\necho trouble >&2\nexit 3\n");
    const broken = await rig.spec(
      "image.web",
      { steps: [failing], verify: ["test -s /srv/web"] },
      await tools(),
    );
    const [failure] = await diagnosticsOf(rig.packer.obtain(broken, rig.call()));
    expect(failure).toMatchObject({
      code: "image/build-step-failed",
      summary: "image.web: step 3 of 6: script web.sh failed",
      // Packer keeps no order between what a script writes to its two outputs.
      detail: expect.stringMatching(
        /^It ended with exit code 3\.\nIts output ends with:\n {2}(?:now\n {2}trouble|trouble\n {2}now)\nThe build's log: .*\/logs\/builds\/image\.web-.*\.log$/,
      ),
    });
    await expectNothingLeft();

    const keeping = rig.provider({ keepOnFailure: true });
    const [kept] = await diagnosticsOf(keeping.obtain(broken, rig.call()));
    const ssh = /ssh (-i .*) root@127/.exec(kept?.detail ?? "")?.[1]?.split(" ") ?? [];
    const { stdout, code } = await rig.effects.processes.run("ssh", [
      ...ssh,
      "root@127.0.0.1",
      "tree --version",
    ]);
    expect({ stdout, code }).toMatchObject({ code: 0, stdout: expect.stringContaining("tree v") });
    expect(await keeping.recover()).toEqual([]);
    const pid = Number(/kill (\d+)/.exec(kept?.detail ?? "")?.[1]);
    process.kill(pid);
    await gone(pid);
    expect(await keeping.recover()).toHaveLength(1);
    await expectNothingLeft();

    const mended = await rig.script("web.sh", "echo web >/srv/web\n");
    const spec = await rig.spec(
      "image.web",
      { steps: [mended], verify: ["grep -q web /srv/web", "tree --version"] },
      parent,
    );
    const web = await rig.packer.obtain(spec, rig.call());
    expect(await readRecord(rig.effects, rig.home, web.digest)).toMatchObject({
      kind: "custom",
      name: "web",
      parent: parent.digest,
      source: "built on role.tools",
    });
    await expectNothingLeft();

    const wrong = await rig.spec(
      "image.wrong",
      { steps: [mended], verify: ["echo hm; false"] },
      await tools(),
    );
    expect(await diagnosticsOf(rig.packer.obtain(wrong, rig.call()))).toMatchObject([
      {
        code: "image/verify-failed",
        summary: "the new image of image.wrong does not pass its verification: echo hm; false",
        detail: expect.stringContaining("It ended with exit code 1, and its output ends with:\n  hm\n"),
      },
    ]);
    await expectNothingLeft();
  },
  90 * MINUTE,
);

longTest(
  "a template of the user's own builds with the variables that it gets, and must run every script",
  async () => {
    const template = (scripts: string) => `
      variable "vmlab_base_disk" { type = string }
      variable "vmlab_output_directory" { type = string }
      variable "vmlab_disk_name" { type = string }
      variable "vmlab_disk_size" { type = string }
      variable "vmlab_key" { type = string }
      variable "vmlab_seed" { type = string }
      variable "vmlab_accelerator" { type = string }
      variable "vmlab_cpu" { type = string }
      variable "vmlab_memory" { type = number }
      variable "vmlab_scripts" { type = list(string) }
      source "qemu" "mine" {
        iso_url              = var.vmlab_base_disk
        iso_checksum         = "none"
        disk_image           = true
        use_backing_file     = true
        skip_compaction      = true
        skip_resize_disk     = true
        qemu_img_args {
          create = ["-F", "qcow2"]
        }
        disk_size            = var.vmlab_disk_size
        output_directory     = var.vmlab_output_directory
        vm_name              = var.vmlab_disk_name
        accelerator          = var.vmlab_accelerator
        memory               = var.vmlab_memory
        headless             = true
        disable_vnc          = true
        boot_wait            = "-1s"
        net_device           = "virtio-net-pci"
        qemuargs = [
          ["-cpu", var.vmlab_cpu], ["-cdrom", var.vmlab_seed], ["-vnc", "none"],
          ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
        ]
        ssh_username         = "root"
        ssh_private_key_file = var.vmlab_key
        ssh_timeout          = "20m"
        shutdown_command     = "systemctl poweroff"
      }
      build {
        sources = ["source.qemu.mine"]
        provisioner "shell" {
          scripts         = ${scripts}
          execute_command = "{{ .Vars }} sh {{ .Path }}"
        }
      }`;
    const parent = await tools();
    const build = async (scripts: string) => {
      const step = await rig.script("mine.pkr.hcl", template(scripts));
      if (step.kind !== "script") throw new Error("not a script");
      const { path, sha256 } = step;
      const packer = { path, ...(sha256 === undefined ? {} : { sha256 }) };
      return rig.packer.obtain(await rig.spec("image.mine", { packer }, parent), rig.call());
    };
    const { digest } = await build("var.vmlab_scripts");
    expect(await readRecord(rig.effects, rig.home, digest)).toMatchObject({ parent: parent.digest });
    expect(await diagnosticsOf(build("slice(var.vmlab_scripts, 0, 1)"))).toMatchObject([
      {
        code: "image/template-unusable",
        detail: expect.stringContaining("It did not run: steps/01-seal.sh (sealing)."),
      },
    ]);
  },
  60 * MINUTE,
);

/** Pid of the build's QEMU, once it runs; rejects when the build ends before. */
async function machineOf(building: Promise<unknown>): Promise<number> {
  let failed: { readonly error: unknown } | undefined;
  building.catch((error: unknown) => {
    failed = { error };
  });
  for (;;) {
    for (const [pid, command] of await rig.marked()) if (/^[^\0]*qemu-system/.test(command)) return pid;
    if (failed !== undefined) throw failed.error;
    await rig.effects.clock.sleep(50);
  }
}
