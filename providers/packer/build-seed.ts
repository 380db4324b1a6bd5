/**
 * The NoCloud seed of a build's machine: root logs in with the build's own key, and nobody else is made, so that nothing
 * has to be taken back. The instance id is one that no VM has.
 */
import { BUILD_MAC } from "./template.ts";

/** The end of a build's public key, by which the seal script finds it. */
export const BUILD_KEY_COMMENT = "vmlab build";

export function buildSeed(publicKey: string): Record<"user-data" | "meta-data" | "network-config", string> {
  return {
    "user-data": lines(
      "#cloud-config",
      "disable_root: false",
      "users:",
      "  - name: root",
      // Root's password is the image's own business.
      "    lock_passwd: false",
      "    ssh_authorized_keys:",
      `      - ${JSON.stringify(publicKey)}`,
      "growpart:",
      "  mode: auto",
      '  devices: ["/"]',
      "resize_rootfs: true",
    ),
    "meta-data": lines("instance-id: vmlab-build", "local-hostname: localhost"),
    "network-config": lines(
      "version: 2",
      "ethernets:",
      "  build0:",
      "    match:",
      `      macaddress: ${JSON.stringify(BUILD_MAC)}`,
      "    dhcp4: true",
      "    dhcp-identifier: mac",
    ),
  };
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
