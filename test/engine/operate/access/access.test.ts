import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../../engine/effects-node.ts";
import { homeFrom } from "../../../../engine/home.ts";
import { groupName, inventoryJson, inventoryYaml } from "../../../../engine/operate/access/inventory.ts";
import type { LabHost } from "../../../../engine/operate/access/lab-hosts.ts";
import { sshConfigText, withInclude } from "../../../../engine/operate/access/ssh-config.ts";
import {
  hasSshConfig,
  namesakes,
  removeSshConfig,
  writeSshConfig,
} from "../../../../engine/operate/access/ssh-config-file.ts";
import { accessOf } from "../../../../providers/qemu/ssh-access.ts";
import type { Runtime, VmRecord } from "../../../../providers/qemu/vm-folder.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const effects = nodeEffects();
const folder = temporaryFolders();

/** As the QEMU provider tells it, for a home with this path. */
function host(root: string, fields: Partial<LabHost> = {}): LabHost {
  const vm = { id: "0123456789ab", name: "k8s-cp", user: "ubuntu", lab: { name: "demo", lineage: "aa11" } };
  const runtime = {
    forwards: [
      { purpose: "ssh", address: "127.0.0.1", host: 40123, guest: 22, protocol: "tcp", chosen: true },
    ],
  };
  const context = { effects, home: homeFrom({ VMLAB_HOME: root }), imageDisk: () => "" };
  return {
    name: "k8s-cp",
    lab: "demo",
    running: true,
    access: accessOf(context, vm as VmRecord, runtime as unknown as Runtime),
    labels: {},
    ...fields,
  };
}

/** What ssh itself makes of a configuration. */
function sshSees(file: string, alias: string): Map<string, string> {
  const lines = execFileSync("ssh", ["-G", "-F", file, alias], { encoding: "utf8" }).split("\n");
  return new Map(
    lines.map((line) => {
      const blank = line.indexOf(" ");
      return [line.slice(0, blank), line.slice(blank + 1)];
    }),
  );
}

describe("ssh-config", () => {
  test("has a block for each VM, and says of which it has none", () => {
    expect(sshConfigText({ hosts: [host("/home/anna/vmlab")], unreachable: ["db"] }, { short: true })).toBe(
      `Host k8s-cp k8s-cp.demo
  HostName 127.0.0.1
  Port 40123
  User ubuntu
  HostKeyAlias vmlab-0123456789ab
  UserKnownHostsFile /home/anna/vmlab/vms/0123456789ab/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  CheckHostIP no
  UpdateHostKeys no
  IdentityFile /home/anna/vmlab/keys/aa11/id_ed25519
  IdentitiesOnly yes
  ForwardAgent no
  LogLevel ERROR

# db has no address: it was never started, or cannot be used.
`,
    );
    expect(sshConfigText({ hosts: [], unreachable: [] }, { short: true })).toBe("");
  });

  test.each(["/a b/vm lab", "/100%/x", '/quo"te/x', "/back\\slash", "/with # sign"])(
    "is read by ssh as it is meant below %s",
    async (root) => {
      const file = join(await folder(), "config");
      await writeFile(file, sshConfigText({ hosts: [host(root)], unreachable: [] }, { short: false }));
      const seen = sshSees(file, "k8s-cp.demo");
      expect([seen.get("port"), seen.get("user"), seen.get("stricthostkeychecking")]).toEqual([
        "40123",
        "ubuntu",
        "true",
      ]);
      // What ssh -G prints of this one still has the doubled % in it.
      expect(seen.get("identityfile")).toBe(`${root.replaceAll("%", "%%")}/keys/aa11/id_ed25519`);
      expect(seen.get("userknownhostsfile")).toContain(`${root}/vms/0123456789ab/known_hosts`);
    },
  );

  test("is included once, above every host of the user's own", () => {
    const own = "Host foo\n  Include /h/ssh/*.conf\n";
    const once = withInclude(own, "/h/ssh/*.conf");
    expect(once).toBe(
      "# Machines of vmlab's labs, such as web.demo (vmlab ssh-config --write).\nInclude /h/ssh/*.conf\n\nHost foo\n  Include /h/ssh/*.conf\n",
    );
    expect(withInclude(once ?? "", "/h/ssh/*.conf")).toBeUndefined();
    expect(withInclude("", "/h h/ssh/*.conf")).toMatch(/\nInclude "\/h h\/ssh\/\*\.conf"\n$/);
  });

  test("as a file follows the lab's name, and two labs of one name are told apart", async () => {
    const root = join(await folder(), "h h");
    const home = homeFrom({ VMLAB_HOME: root });
    const lab = { name: "demo", lineage: "aa11", folder: "/labs/demo" };
    const hosts = { hosts: [host(root)], unreachable: [] };
    expect(await hasSshConfig(effects, home, "aa11")).toBe(false);
    await writeSshConfig(effects, home, { ...lab, name: "old" }, hosts);
    const path = await writeSshConfig(effects, home, lab, hosts);
    expect(await readdir(home.ssh)).toEqual(["demo-aa11.conf"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toMatch(
      /^# The lab demo in "\/labs\/demo"\. vmlab keeps this file current; changes made here are lost\.\n\nHost k8s-cp\.demo\n/,
    );
    const other = { ...lab, lineage: "bb22" };
    expect(await namesakes(effects, home, other)).toEqual([path]);
    expect(await namesakes(effects, home, lab)).toEqual([]);
    const config = join(await folder(), "config");
    await writeFile(config, withInclude("", join(home.ssh, "*.conf")) ?? "");
    expect(sshSees(config, "k8s-cp.demo").get("port")).toBe("40123");
    await removeSshConfig(effects, home, "aa11");
    expect(await readdir(home.ssh)).toEqual([]);
  });
});

describe("inventory", () => {
  const hosts = [
    host("/a b", {
      environment: "k8s",
      role: "k8s",
      labels: { tier: "back-end", gpu: "" },
      ip: "10.42.0.10",
    }),
    host("/a b", { name: "on", environment: "k8s", running: false }),
  ];

  test("has groups by environment, role, label and state, with names that Ansible takes", () => {
    const args =
      "-o HostKeyAlias=vmlab-0123456789ab -o 'UserKnownHostsFile=\\\"/a b/vms/0123456789ab/known_hosts\\\"' -o GlobalKnownHostsFile=/dev/null " +
      "-o StrictHostKeyChecking=yes -o CheckHostIP=no -o UpdateHostKeys=no -o IdentitiesOnly=yes -o ForwardAgent=no -o LogLevel=ERROR";
    expect(inventoryYaml(hosts)).toBe(`all:
  hosts:
    k8s-cp:
      ansible_host: "127.0.0.1"
      ansible_port: 40123
      ansible_user: "ubuntu"
      ansible_ssh_private_key_file: "/a b/keys/aa11/id_ed25519"
      ansible_ssh_common_args: "${args}"
      ip: "10.42.0.10"
      labels: { "tier": "back-end", "gpu": "" }
    "on":
      ansible_host: "127.0.0.1"
      ansible_port: 40123
      ansible_user: "ubuntu"
      ansible_ssh_private_key_file: "/a b/keys/aa11/id_ed25519"
      ansible_ssh_common_args: "${args}"
      labels: {}
  children:
    env_k8s:
      hosts:
        k8s-cp:
        "on":
    label_gpu:
      hosts:
        k8s-cp:
    label_tier_back_end:
      hosts:
        k8s-cp:
    role_k8s:
      hosts:
        k8s-cp:
    state_running:
      hosts:
        k8s-cp:
    state_stopped:
      hosts:
        "on":
`);
    expect(inventoryYaml([])).toBe("all: {}\n");
    expect(groupName("label_a.b/c-d_ü")).toBe("label_a_b_c_d__");
  });

  test("as JSON is what a script answers to --list", () => {
    const json = inventoryJson(hosts);
    expect(Object.keys(json)).toEqual([
      "_meta",
      "all",
      "env_k8s",
      "label_gpu",
      "label_tier_back_end",
      "role_k8s",
      "state_running",
      "state_stopped",
    ]);
    expect(json).toMatchObject({
      all: { hosts: ["k8s-cp", "on"], children: expect.arrayContaining(["ungrouped", "env_k8s"]) as unknown },
      env_k8s: { hosts: ["k8s-cp", "on"] },
      _meta: { hostvars: { "k8s-cp": { ansible_port: 40123, ip: "10.42.0.10" } } },
    });
  });

  const ansible = process.env.PATH?.split(":").map((path) => join(path, "ansible-inventory"));
  const installed = ansible?.some((path) => existsSync(path)) === true;
  // No part of what the tests set up: where the host has no Ansible, nobody is there to read it.
  (installed ? test : test.skip)(
    "is read by Ansible, as a file and as a script",
    async () => {
      const root = await folder();
      const file = join(root, "inventory.yaml");
      await writeFile(file, inventoryYaml(hosts));
      const script = join(root, "inventory.sh");
      await writeFile(script, `#!/bin/sh\ncat <<'EOF'\n${JSON.stringify(inventoryJson(hosts))}\nEOF\n`);
      await chmod(script, 0o755);
      await mkdir(join(root, "home"));
      const list = (inventory: string): unknown =>
        JSON.parse(
          execFileSync("ansible-inventory", ["-i", inventory, "--list"], {
            encoding: "utf8",
            env: { ...process.env, HOME: join(root, "home") },
          }),
        );
      const expected = {
        env_k8s: { hosts: ["k8s-cp", "on"] },
        _meta: { hostvars: { "k8s-cp": { ansible_port: 40123, labels: { tier: "back-end", gpu: "" } } } },
      };
      expect(list(file)).toMatchObject(expected);
      expect(list(script)).toMatchObject(expected);
    },
    60_000,
  );
});
