/**
 * The NoCloud seed: what cloud-init reads at the first boot (user-data, meta-data, network-config version 2).
 * The texts are pure; seed-iso.ts makes the volume. Of a seed only the network-config is ever made again: what else
 * changes later is brought over SSH.
 */
import { sha256 } from "../../engine/json.ts";
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
  /** Its disk has been another machine's. */
  readonly isClone?: boolean;
  /** The user's #cloud-config, with its top-level keys. */
  readonly cloudConfig?: { readonly text: string; readonly keys: ReadonlySet<string> };
}

/**
 * How cloud-init joins the user's part to vmlab's (its documentation, "Merging user data sections"): tables merged, lists
 * appended, and where both say something else vmlab's part, which makes the login, stands.
 */
const MERGE_TYPE = "list(append)+dict(no_replace,recurse_list)+str()";

/**
 * machine-id(5): what is not there is made anew, from the machine's UUID or at random. D-Bus may keep a copy of its own,
 * from which the old one would come back. The journal goes on under the new one.
 */
const NEW_MACHINE_ID = [
  "rm -f /etc/machine-id",
  "[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id",
  "systemd-machine-id-setup",
  "[ ! -d /var/lib/dbus ] || ln -sf /etc/machine-id /var/lib/dbus/machine-id",
  "systemctl --no-block try-restart systemd-journald",
].join("; ");

export const NETWORK_CONFIG = "network-config";

/** The seed's files by name. */
export function seedFiles(
  inputs: SeedInputs,
): Record<"user-data" | "meta-data" | typeof NETWORK_CONFIG, string> {
  return {
    "user-data": inputs.cloudConfig === undefined ? ownPart(inputs) : joined(inputs, inputs.cloudConfig.text),
    "meta-data": metaData(inputs),
    [NETWORK_CONFIG]: networkConfig(inputs.mac, inputs.networks),
  };
}

/**
 * vmlab's part and the user's as cloud-init takes several: MIME. vmlab could merge them itself, but would have to write
 * the user's YAML anew, and YAML has many readers: 0644, yes and 12:30 are other values to other ones. So the file goes
 * in as it is, and cloud-init, which alone knows what it reads there, does the joining.
 */
function joined(inputs: SeedInputs, theirs: string): string {
  const own = ownPart(inputs);
  const boundary = `vmlab-${sha256(own + theirs).slice(0, 32)}`;
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "MIME-Version: 1.0",
    "",
    `--${boundary}`,
    part("vmlab.yaml", [], own),
    `--${boundary}`,
    part("user.yaml", [`Merge-Type: ${MERGE_TYPE}`], theirs),
    `--${boundary}--`,
    "",
  ].join("\n");
}

function part(name: string, headers: readonly string[], text: string): string {
  const plain = /^[\t\n\r -~]*$/.test(text);
  const encoded = plain
    ? text
    : (
        Buffer.from(text)
          .toString("base64")
          .match(/.{1,76}/g) ?? []
      ).join("\n");
  return [
    'Content-Type: text/cloud-config; charset="utf-8"',
    "MIME-Version: 1.0",
    `Content-Transfer-Encoding: ${plain ? "7bit" : "base64"}`,
    `Content-Disposition: attachment; filename="${name}"`,
    ...headers,
    "",
    encoded,
  ].join("\n");
}

function ownPart(inputs: SeedInputs): string {
  const { user, passwordHash } = inputs;
  const root = user === "root";
  /** Lines of a setting that the user's file may make instead. */
  const unlessSet = (key: string, ...setting: string[]) =>
    inputs.cloudConfig?.keys.has(key) === true ? [] : setting;
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
    ...unlessSet("ssh_pwauth", `ssh_pwauth: ${passwordHash !== undefined}`),
    ...(root ? unlessSet("disable_root", "disable_root: false") : []),
    "ssh_deletekeys: true",
    "ssh_keys:",
    "  ed25519_private: |",
    ...inputs.hostKey.privateText
      .trim()
      .split("\n")
      .map((line) => `    ${line}`),
    `  ed25519_public: ${quoted(inputs.hostKey.publicKey)}`,
    ...unlessSet("growpart", "growpart:", "  mode: auto", '  devices: ["/"]'),
    ...unlessSet("resize_rootfs", "resize_rootfs: true"),
    // The network-config counts at every boot, so that a VM can be put into other networks.
    "updates:",
    "  network:",
    "    when: [boot-new-instance, boot]",
    ...(inputs.isClone === true
      ? ["bootcmd:", `  - [cloud-init-per, instance, vmlab-identity, sh, -c, ${quoted(NEW_MACHINE_ID)}]`]
      : []),
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
