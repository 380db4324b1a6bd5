import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { buildScripts } from "../../../providers/packer/build-scripts.ts";
import { buildTemplate, type TemplateInputs } from "../../../providers/packer/template.ts";
import { requireAllScripts, templateVariables } from "../../../providers/packer/user-template.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";
import { everyKind } from "./recipes.ts";

const run = promisify(execFile);
const temporary = temporaryFolders();
const built = buildScripts(everyKind, { prepare: "# prepare\n", seal: "# seal\n" });
const inputs: TemplateInputs = {
  accelerator: "tcg",
  cpus: 2,
  memory: 2 ** 30,
  disk: 4 * 2 ** 30 + 512,
  scripts: built.scripts,
  hasPayload: true,
};

describe("the scripts of a recipe", () => {
  test("prepare, carry out each step, and seal", () => {
    expect(built.scripts.map(({ path, label }) => `${path}: ${label}`)).toEqual([
      "steps/00-prepare.sh: preparing",
      "steps/01-packages.sh: packages git libc++-dev",
      "steps/02-catalogue-script.sh: docker setup.sh",
      "steps/03-file.sh: file /etc/my app.conf",
      "steps/04-script.sh: script scripts/web.sh",
      "steps/05-run.sh: run echo '${HOME}'",
      "steps/06-seal.sh: sealing",
    ]);
    expect(built.payload.map(({ path, content }) => [path, content.toString()])).toEqual([
      ["payload/02", "#!/bin/bash -e\necho $OPTION_MODE\n"],
      ["payload/03", "a = ${b} {{ c }}\n"],
      ["payload/04", "echo web\n"],
      ["payload/05", "echo '${HOME}'\necho 2"],
    ]);
  });

  test("install packages with apt, reading the lists when they may have changed", () => {
    expect(built.scripts[1]?.text).toBe(`#!/bin/sh
# packages git libc++-dev
set -eu
umask 022
cd /
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /var/lib/vmlab-build/lists-read ] || [ -n "$(find /etc/apt -newer /var/lib/vmlab-build/lists-read -type f)" ]; then
  apt-get -q update
  touch /var/lib/vmlab-build/lists-read
fi
apt-get -q -y --no-install-recommends install -- git libc++-dev
`);
  });

  test("run scripts by their interpreter, those of the catalogue with their options", () => {
    const endings = [2, 4, 5].map((index) => built.scripts[index]?.text.split("\n").slice(6).join("\n"));
    expect(endings).toEqual([
      "export OPTION_MODE='it'\\''s'\nexec /bin/bash -e /var/lib/vmlab-build/02 </dev/null\n",
      "exec /bin/sh /var/lib/vmlab-build/04 </dev/null\n",
      "exec /bin/sh /var/lib/vmlab-build/05 </dev/null\n",
    ]);
  });

  test("put a file in place with its mode and owner, whole or not at all", async () => {
    const [packages, , file] = built.scripts.slice(1);
    const folder = await temporary();
    const target = join(folder, "sub", "my app.conf");
    await writeFile(join(folder, "source"), "new\n");
    const text = (file?.text ?? "")
      .replaceAll("/etc/my app.conf", target)
      .replaceAll("/var/lib/vmlab-build/03", join(folder, "source"))
      .replace("root:adm", `${process.getuid?.()}`);
    await run("sh", ["-c", text]);
    expect((await run("stat", ["-c", "%a %s", target])).stdout).toBe("640 4\n");
    expect((await run("ls", ["-A", dirname(target)])).stdout).toBe("my app.conf\n");
    for (const script of [packages, file]) await run("sh", ["-n", "-c", script?.text ?? ""]);
  });

  test("have numbers that sort, however many they are", () => {
    const many = Array.from({ length: 120 }, () => ({ step: { kind: "run", command: "true" } as const }));
    const paths = buildScripts(many, { prepare: "", seal: "" }).scripts.map(({ path }) => path);
    expect([...paths].sort()).toEqual(paths);
    expect([paths[0], paths.at(-1)]).toEqual(["steps/000-prepare.sh", "steps/121-seal.sh"]);
  });
});

describe("the template", () => {
  test("of Packer 1.6 has its QEMU builder with everything that listens bound to this host", () => {
    expect(buildTemplate(inputs, "builtin")).toEqual({
      source: {
        qemu: {
          vmlab: {
            accelerator: "tcg",
            machine_type: "pc",
            cpus: 2,
            memory: 1024,
            headless: true,
            disable_vnc: true,
            boot_wait: "-1s",
            net_device: "virtio-net-pci",
            qemuargs: [
              ["-nodefaults"],
              ["-no-user-config"],
              ["-cpu", "Nehalem"],
              ["-display", "none"],
              ["-vnc", "none"],
              ["-serial", "file:console.log"],
              ["-pidfile", "qemu.pid"],
              ["-cdrom", "seed.iso"],
              ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
              ["-device", "virtio-net-pci,netdev=user.0,mac=52:54:00:12:34:56,romfile="],
              ["-object", "rng-random,id=rng0,filename=/dev/urandom"],
              ["-device", "virtio-rng-pci,rng=rng0"],
              ["-global", "virtio-blk-device.werror=report"],
            ],
            iso_url: "parent/disk.qcow2",
            iso_checksum: "none",
            disk_image: true,
            use_backing_file: true,
            qemu_img_args: { create: ["-F", "qcow2"] },
            skip_compaction: true,
            skip_resize_disk: true,
            format: "qcow2",
            disk_size: "4294967808b",
            disk_interface: "virtio",
            disk_cache: "unsafe",
            disk_discard: "unmap",
            disk_detect_zeroes: "unmap",
            output_directory: "output",
            vm_name: "disk.qcow2",
            communicator: "ssh",
            ssh_username: "root",
            ssh_private_key_file: "key",
            ssh_timeout: "30m",
            ssh_handshake_attempts: 1000,
            shutdown_command: "sync; systemctl poweroff --force || poweroff",
            shutdown_timeout: "15m",
          },
        },
      },
      build: [
        {
          sources: ["source.qemu.vmlab"],
          provisioner: [
            { shell: { script: "steps/00-prepare.sh", execute_command: "{{ .Vars }} sh {{ .Path }}" } },
            { file: { source: "payload/", destination: "/var/lib/vmlab-build/" } },
            ...built.scripts.slice(1).map(({ path }) => ({
              shell: { script: path, execute_command: "{{ .Vars }} sh {{ .Path }}" },
            })),
          ],
        },
      ],
    });
  });

  test("of newer ones asks for the plugin, which names the backing file's format itself", () => {
    const { packer, source, build } = buildTemplate(inputs, "plugin");
    const old = buildTemplate(inputs, "builtin");
    expect(packer).toEqual({
      required_plugins: { qemu: { source: "github.com/hashicorp/qemu", version: ">= 1.1.0" } },
    });
    expect(build).toEqual(old.build);
    const expected = JSON.parse(JSON.stringify(old.source));
    delete expected.qemu.vmlab.qemu_img_args;
    expect(source).toEqual(expected);
  });

  test("takes the CPU of the host where that is possible", () => {
    const text = JSON.stringify(buildTemplate({ ...inputs, accelerator: "kvm" }, "builtin"));
    expect(text).toContain('["-cpu","host"]');
    expect(text).toContain('"ssh_timeout":"10m"');
  });

  test("is accepted by the installed Packer", async () => {
    const { stdout } = await run("packer", ["version"], { env: { ...process.env, CHECKPOINT_DISABLE: "1" } });
    if (!/v1\.6\./.test(stdout)) return;
    const folder = await temporary();
    const files: [string, string][] = [
      ["build.pkr.json", JSON.stringify(buildTemplate(inputs, "builtin"))],
      ["parent/disk.qcow2", ""],
      ["payload/02", ""],
      ...built.scripts.map(({ path, text }): [string, string] => [path, text]),
    ];
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "key")]);
    const validated = await run("packer", ["validate", "build.pkr.json"], {
      cwd: folder,
      env: {
        ...process.env,
        CHECKPOINT_DISABLE: "1",
        TMPDIR: folder,
        PACKER_CACHE_DIR: join(folder, "cache"),
      },
    });
    expect(validated.stderr).toBe("");
  }, 60_000);
});

describe("a template of the user's own", () => {
  test("gets everything that it needs as variables", () => {
    expect(templateVariables(inputs, "/labs/demo")).toEqual({
      PKR_VAR_vmlab_base_disk: "parent/disk.qcow2",
      PKR_VAR_vmlab_output_directory: "output",
      PKR_VAR_vmlab_disk_name: "disk.qcow2",
      PKR_VAR_vmlab_disk_size: "4294967808b",
      PKR_VAR_vmlab_key: "key",
      PKR_VAR_vmlab_seed: "seed.iso",
      PKR_VAR_vmlab_accelerator: "tcg",
      PKR_VAR_vmlab_cpu: "Nehalem",
      PKR_VAR_vmlab_cpus: "2",
      PKR_VAR_vmlab_memory: "1024",
      PKR_VAR_vmlab_scripts: JSON.stringify(built.scripts.map(({ path }) => path)),
      PKR_VAR_vmlab_payload: "payload/",
      PKR_VAR_vmlab_payload_target: "/var/lib/vmlab-build/",
      PKR_VAR_vmlab_lab_folder: "/labs/demo",
    });
  });

  test("is refused when it leaves out a script", () => {
    const all = inputs.scripts.map(({ path }) => path);
    expect(() => requireAllScripts(inputs, all, "my.pkr.hcl", "role.ci")).not.toThrow();
    expect(() => requireAllScripts(inputs, all.slice(0, -1), "my.pkr.hcl", "role.ci")).toThrow(
      "image/template-unusable: my.pkr.hcl does not carry out the recipe of role.ci",
    );
  });
});
