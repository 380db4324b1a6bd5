import { describe, expect, test } from "@jest/globals";
import { seedFiles } from "../../../providers/qemu/seed.ts";

const inputs = {
  id: "0123456789ab",
  name: "web",
  user: "lab",
  keys: ["ssh-ed25519 AAAA lab", 'ssh-rsa BBBB "quoted"'],
  hostKey: {
    privateText: "-----BEGIN-----\nsecret\n-----END-----\n",
    publicKey: "ssh-ed25519 CCCC vmlab web",
  },
  mac: "52:54:00:00:00:01",
  networks: [],
};

test("the seed of a VM with a password", () => {
  expect(seedFiles({ ...inputs, passwordHash: "$6$salt$hash" })).toEqual({
    "user-data": `#cloud-config
hostname: web
manage_etc_hosts: localhost
users:
  - name: lab
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    shell: /bin/bash
    lock_passwd: false
    hashed_passwd: "$6$salt$hash"
    ssh_authorized_keys:
      - "ssh-ed25519 AAAA lab"
      - "ssh-rsa BBBB \\"quoted\\""
chpasswd:
  expire: false
  users:
    - {name: lab, password: "$6$salt$hash", type: hash}
ssh_pwauth: true
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
    -----BEGIN-----
    secret
    -----END-----
  ed25519_public: "ssh-ed25519 CCCC vmlab web"
growpart:
  mode: auto
  devices: ["/"]
resize_rootfs: true
updates:
  network:
    when: [boot-new-instance, boot]
`,
    "meta-data": "instance-id: vmlab-0123456789ab\nlocal-hostname: web\n",
    "network-config": `version: 2
ethernets:
  user0:
    match:
      macaddress: "52:54:00:00:00:01"
    set-name: user0
    dhcp4: true
    dhcp-identifier: mac
`,
  });
});

test("without a password none is accepted; root keeps its own shell and may log in", () => {
  const text = seedFiles({ ...inputs, user: "root" })["user-data"];
  expect(text).toContain("    lock_passwd: true\n");
  expect(text).toContain("ssh_pwauth: false\ndisable_root: false\n");
  expect(text).not.toContain("sudo:");
});

describe("a cloud-config of the user's", () => {
  const cloudConfig = (text: string, ...keys: string[]) => ({ text, keys: new Set(keys) });

  test("goes in beside vmlab's, as it is, for cloud-init to join", () => {
    const text = "#cloud-config\nusers: [ops]\nwrite_files: [{ path: /x, permissions: 0644 }]\n";
    const userData = seedFiles({ ...inputs, cloudConfig: cloudConfig(text, "users", "write_files") })[
      "user-data"
    ];
    const boundary = /boundary="(.*)"/.exec(userData)?.[1] ?? "";
    expect(boundary).toMatch(/^vmlab-[0-9a-f]{32}$/);
    expect(userData).toBe(`Content-Type: multipart/mixed; boundary="${boundary}"
MIME-Version: 1.0

--${boundary}
Content-Type: text/cloud-config; charset="utf-8"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="vmlab.yaml"

${seedFiles(inputs)["user-data"]}
--${boundary}
Content-Type: text/cloud-config; charset="utf-8"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="user.yaml"
Merge-Type: list(append)+dict(no_replace,recurse_list)+str()

${text}
--${boundary}--
`);
  });

  test("may decide what vmlab only suggests", () => {
    const keys = ["growpart", "resize_rootfs", "ssh_pwauth", "disable_root"];
    const text = seedFiles({ ...inputs, user: "root", cloudConfig: cloudConfig("#cloud-config\n", ...keys) });
    for (const key of keys) expect(text["user-data"]).not.toContain(`${key}:`);
  });

  test("is encoded where it is more than ASCII", () => {
    const text = "#cloud-config\nlocale: Grüße\n";
    const data = seedFiles({ ...inputs, cloudConfig: cloudConfig(text, "locale") })["user-data"];
    const [, encoded = ""] = /Merge-Type: .*\n\n([\s\S]*?)\n--vmlab/.exec(data) ?? [];
    expect(Buffer.from(encoded, "base64").toString()).toBe(text);
  });
});
