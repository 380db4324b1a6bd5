/**
 * The NoCloud seed: what cloud-init reads at the first boot (user-data, meta-data, network-config version 2).
 * The texts are pure; seed-iso.ts makes the volume. A seed is made once, with the VM, and never again: what changes
 * later is brought over SSH.
 */
export interface SeedInputs {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly passwordHash?: string;
  readonly keys: readonly string[];
  readonly hostKey: { readonly privateText: string; readonly publicKey: string };
  readonly mac: string;
}

/** The seed's files by name. */
export function seedFiles(inputs: SeedInputs): Record<"user-data" | "meta-data" | "network-config", string> {
  return {
    "user-data": userData(inputs),
    "meta-data": metaData(inputs),
    "network-config": networkConfig(inputs.mac),
  };
}

function userData(inputs: SeedInputs): string {
  const { user, passwordHash } = inputs;
  const root = user === "root";
  return lines(
    "#cloud-config",
    `hostname: ${inputs.name}`,
    "manage_etc_hosts: true",
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
  );
}

/** The instance id stays for the VM's life, so that cloud-init's per-instance work is done once. */
function metaData(inputs: SeedInputs): string {
  return lines(`instance-id: vmlab-${inputs.id}`, `local-hostname: ${inputs.name}`);
}

function networkConfig(mac: string): string {
  return lines(
    "version: 2",
    "ethernets:",
    "  user0:",
    "    match:",
    `      macaddress: ${quoted(mac)}`,
    "    set-name: user0",
    "    dhcp4: true",
    "    dhcp-identifier: mac",
  );
}

/** A JSON string is a YAML double-quoted scalar. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}
