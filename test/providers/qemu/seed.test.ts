import { expect, test } from "@jest/globals";
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
