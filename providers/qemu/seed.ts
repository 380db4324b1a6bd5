/**
 * The NoCloud seed: what cloud-init reads at the first boot (user-data, meta-data, network-config version 2).
 * The texts are pure; seed-iso.ts makes the volume. Of a seed only the network-config is ever made again: what else
 * changes later is brought over SSH.
 */
import type { InterfaceSpec } from "../provider.ts";
import { networkConfig } from "./network/interfaces.ts";

export interface SeedInputs {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly passwordHash?: string;
  readonly keys: readonly string[];
  readonly hostKey: { readonly privateText: string; readonly publicKey: string };
  /** Address of the user-mode network card. */
  readonly mac: string;
  readonly networks: readonly InterfaceSpec[];
}

export const NETWORK_CONFIG = "network-config";

/** The seed's files by name. */
export function seedFiles(
  inputs: SeedInputs,
): Record<"user-data" | "meta-data" | typeof NETWORK_CONFIG, string> {
  return {
    "user-data": userData(inputs),
    "meta-data": metaData(inputs),
    [NETWORK_CONFIG]: networkConfig(inputs.mac, inputs.networks),
  };
}

function userData(inputs: SeedInputs): string {
  const { user, passwordHash } = inputs;
  const root = user === "root";
  return lines(
    "#cloud-config",
    `hostname: ${inputs.name}`,
    // Only its own line of /etc/hosts: vmlab keeps the names of other VMs there.
    "manage_etc_hosts: localhost",
    "users:",
    `  - name: ${user}`,
    ...(root ? [] : ['    sudo: "ALL=(ALL) NOPASSWD:ALL"', "    shell: /bin/bash"]),
    ...(passwordHash === undefined
      ? ["    lock_passwd: true"]
      : ["    lock_passwd: false", `    hashed_passwd: ${quoted(passwordHash)}`]),
    "    ssh_authorized_keys:",
    ...inputs.keys.map((key) => `      - ${quoted(key)}`),
    // hashed_passwd counts for users that cloud-init makes; one that the image has gets it from here.
    ...(passwordHash === undefined
      ? []
      : [
          "chpasswd:",
          "  expire: false",
          "  users:",
          `    - {name: ${user}, password: ${quoted(passwordHash)}, type: hash}`,
        ]),
    `ssh_pwauth: ${passwordHash !== undefined}`,
    ...(root ? ["disable_root: false"] : []),
    "ssh_deletekeys: true",
    "ssh_keys:",
    "  ed25519_private: |",
    ...inputs.hostKey.privateText
      .trim()
      .split("\n")
      .map((line) => `    ${line}`),
    `  ed25519_public: ${quoted(inputs.hostKey.publicKey)}`,
    "growpart:",
    "  mode: auto",
    '  devices: ["/"]',
    "resize_rootfs: true",
    // The network-config counts at every boot, so that a VM can be put into other networks.
    "updates:",
    "  network:",
    "    when: [boot-new-instance, boot]",
  );
}

/** The instance id stays for the VM's life, so that cloud-init's per-instance work is done once. */
function metaData(inputs: SeedInputs): string {
  return lines(`instance-id: vmlab-${inputs.id}`, `local-hostname: ${inputs.name}`);
}

/** A JSON string is a YAML double-quoted scalar. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}
