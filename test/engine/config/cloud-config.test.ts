import { describe, expect, test } from "@jest/globals";
import { type ManagedLogin, readCloudConfig } from "../../../engine/config/cloud-config.ts";
import { expandLab } from "../../../engine/config/expand.ts";
import { resolveFiles } from "../../../engine/config/resolve-files.ts";
import type { VmInputs } from "../../../engine/config/types.ts";
import { problem } from "../../../engine/diagnostics.ts";
import { load, loadValid, memoryEffects, problems, show } from "./memory-lab.ts";

const PLAIN: ManagedLogin = { user: "debian", password: false };

async function told(text: string, login = PLAIN): Promise<string> {
  const { problems } = readCloudConfig("web.yaml", text, login);
  return show(problems.map(problem));
}

describe("a cloud-config file", () => {
  test("may set whatever does not touch the login", async () => {
    const text = `#cloud-config
packages: [nginx]
fqdn: web.example
users: [default, ops, { name: deploy, groups: sudo }]
chpasswd: { users: [{ name: ops, password: x }], expire: true }
ssh_pwauth: true
growpart: { mode: "off" }
write_files:
  - path: /etc/motd
    permissions: 0644
    content: !!binary aGVsbG8=
`;
    const { keys, problems } = readCloudConfig("web.yaml", text, PLAIN);
    expect(problems).toEqual([]);
    expect([...keys]).toEqual([
      "packages",
      "fqdn",
      "users",
      "chpasswd",
      "ssh_pwauth",
      "growpart",
      "write_files",
    ]);
  });

  test.each([["#cloud-config\n"], ["#cloud-config \r\n# nothing yet\r\n"]])(
    "may be empty: %j",
    async (text) => {
      expect(readCloudConfig("web.yaml", text, PLAIN)).toEqual({ keys: new Set(), problems: [] });
    },
  );

  test("is known by its first line", async () => {
    expect(
      await told("#!/bin/sh\necho hello\n"),
    ).toBe(`web.yaml:1:1-10 config/cloud-config: web.yaml does not begin with #cloud-config
  By its first line cloud-init tells what a file is; vmlab takes this kind only.
  → Make #cloud-config its first line. What a script would do can stand in scripts or runcmd.`);
    expect(
      await told("\n#cloud-config\n"),
    ).toBe(`web.yaml:1:1-1 config/cloud-config: web.yaml does not begin with #cloud-config
  By its first line cloud-init tells what a file is; vmlab takes this kind only.
  → Make #cloud-config its first line. What a script would do can stand in scripts or runcmd.`);
  });

  test("has to be YAML, and a table", async () => {
    expect(await told("#cloud-config\npackages:\n  - git\n - make\n")).toBe(
      `web.yaml:4:1-2 config/cloud-config: web.yaml is not valid YAML: A block sequence may not be used as an implicit map key`,
    );
    expect(await told("#cloud-config\nruncmd: [a]\npackages: [b]\nruncmd: [c]\n")).toBe(
      `web.yaml:4:1-2 config/cloud-config: web.yaml is not valid YAML: Map keys must be unique`,
    );
    expect(
      await told("#cloud-config\n- git\n"),
    ).toBe(`web.yaml:2:1-3:1 config/cloud-config: web.yaml holds no table of settings
  → cloud-config is a table such as packages: [git].`);
  });

  test("cannot take the login, the host keys or the name away", async () => {
    const text = `#cloud-config
hostname: other
ssh_deletekeys: false
ssh_keys:
  ed25519_private: x
ssh_authorized_keys: [ssh-ed25519 AAAA]
network: { version: 2 }
power_state: { mode: reboot }
merge_how: dict(replace)
cloud_init_modules: [bootcmd]
`;
    expect(
      await told(text),
    ).toBe(`web.yaml:2:1-9 config/cloud-config-clash: web.yaml sets hostname, which vmlab decides
  The VM's name is its host name. A domain can be added with fqdn.
  → Take it out.
web.yaml:3:1-15 config/cloud-config-clash: web.yaml sets ssh_deletekeys, which vmlab decides
  vmlab makes the host keys, so that the first login can verify them.
  → Take it out.
web.yaml:4:1-9 config/cloud-config-clash: web.yaml sets ssh_keys, which vmlab decides
  vmlab makes the host keys, so that the first login can verify them.
  → Take it out.
web.yaml:6:1-20 config/cloud-config-clash: web.yaml sets ssh_authorized_keys, which vmlab decides
  Keys of the login user are login.keys; give another user its own under users.
  → Take it out.
web.yaml:7:1-8 config/cloud-config-clash: web.yaml sets network, which vmlab decides
  cloud-init reads no network configuration from user-data.
  → Take it out.
web.yaml:8:1-12 config/cloud-config-clash: web.yaml sets power_state, which vmlab decides
  vmlab starts and stops the machine: see power.
  → Take it out.
web.yaml:9:1-10 config/cloud-config-clash: web.yaml sets merge_how, which vmlab decides
  vmlab appends lists and merges tables.
  → Take it out.
web.yaml:10:1-19 config/cloud-config-clash: web.yaml sets cloud_init_modules, which vmlab decides
  A list of modules replaces the image's, which makes the login.
  → Take it out.`);
  });

  test("cannot say otherwise what login says", async () => {
    const text = `#cloud-config
users:
  - debian
  - { name: debian, lock_passwd: true }
chpasswd:
  expire: true
  list: |
    debian:geheim
  users:
    - { name: debian, password: x }
ssh_pwauth: no
disable_root: true
`;
    expect(
      await told(text, { user: "debian", password: true }),
    ).toBe(`web.yaml:3:5-11 config/cloud-config-clash: web.yaml sets the user debian, which vmlab decides
  login says how this user logs in.
  → Take it out.
web.yaml:4:13-19 config/cloud-config-clash: web.yaml sets the user debian, which vmlab decides
  login says how this user logs in.
  → Take it out.
web.yaml:6:11-15 config/cloud-config-clash: web.yaml sets chpasswd.expire, which vmlab decides
  It would also end login.password at the first login.
  → Take it out.
web.yaml:7:9-9:1 config/cloud-config-clash: web.yaml sets the password of debian, which vmlab decides
  login.password is the place for it.
  → Take it out.
web.yaml:10:15-21 config/cloud-config-clash: web.yaml sets the password of debian, which vmlab decides
  login.password is the place for it.
  → Take it out.
web.yaml:11:13-15 config/cloud-config-clash: web.yaml sets ssh_pwauth, which vmlab decides
  login.password is set, so that SSH has to take passwords.
  → Take it out.`);
    expect(
      await told("#cloud-config\ndisable_root: true\nusers: root\n", { user: "root", password: false }),
    ).toBe(`web.yaml:2:15-19 config/cloud-config-clash: web.yaml sets disable_root, which vmlab decides
  login.user is root.
  → Take it out.
web.yaml:3:8-12 config/cloud-config-clash: web.yaml sets users as something other than a list, which vmlab decides
  Only a list can be joined with vmlab's own.
  → Take it out.`);
  });
});

describe("cloud_init of a VM", () => {
  const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[templates.t]
cloud_init = "cloud-init/web.yaml"
[vms.web]
template = "t"
count = 2
`;
  const resolve = async (files: Record<string, string>) => {
    const lab = await loadValid(files);
    return await resolveFiles(memoryEffects(files), lab, expandLab(lab));
  };

  test("is a file of the lab, known by its content", async () => {
    const { expansion, files, diagnostics } = await resolve({
      "lab.toml": LAB,
      "cloud-init/web.yaml": "#cloud-config\nruncmd: ['echo ${HOME}']\n",
    });
    expect(diagnostics).toEqual([]);
    expect(files).toEqual([
      {
        path: "cloud-init/web.yaml",
        sha256: "5bbc1c181cfd23cac3efd03e0abb8c70e94a1f61a73281a29309dfc9366c4b25",
      },
    ]);
    const inputs = expansion.resources.flatMap(({ type, inputs }) =>
      type === "vm" ? [inputs as VmInputs] : [],
    );
    expect(inputs.map(({ cloud_init }) => cloud_init)).toEqual([files[0], files[0]]);
  });

  test("is told of where the file itself is wrong, once for all VMs", async () => {
    const { diagnostics } = await resolve({
      "lab.toml": LAB,
      "cloud-init/web.yaml": "#cloud-config\nhostname: x\n",
    });
    expect(
      show(diagnostics),
    ).toBe(`cloud-init/web.yaml:2:1-9 config/cloud-config-clash: cloud-init/web.yaml sets hostname, which vmlab decides
  The VM's name is its host name. A domain can be added with fqdn.
  → Take it out.`);
  });

  test("is told of where lab.toml names it when it is not there, or outside", async () => {
    expect(
      show((await resolve({ "lab.toml": LAB })).diagnostics),
    ).toBe(`lab.toml:4:14-35 config/no-file: There is no file cloud-init/web.yaml
  → Paths are relative to the file that declares them: make web.yaml, or correct the path.`);
    expect(
      await problems(LAB.replace("cloud-init/", "../")),
    ).toBe(`lab.toml:4:14-27 config/path-outside: ../web.yaml is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.`);
    expect((await load(LAB.replace('"cloud-init/web.yaml"', "3"))).lab).toBeUndefined();
  });
});
