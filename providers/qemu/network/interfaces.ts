/** A VM's network interfaces: the segments that QEMU connects them to, and what cloud-init is told of them. */
import { fail } from "../../../engine/diagnostics.ts";
import type { InterfaceSpec, VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { readSegment, type Segment } from "./segment.ts";

/** An interface with the segment it is connected to. */
export interface ConnectedInterface {
  readonly mac: string;
  readonly segment: Segment;
}

export async function connectInterfaces(
  context: QemuContext,
  spec: VmSpec,
): Promise<readonly ConnectedInterface[]> {
  const { effects, home } = context;
  return await Promise.all(
    (spec.networks ?? []).map(async ({ network, name, mac }) => {
      const segment = await readSegment(effects, home, network);
      if (segment !== undefined) return { mac, segment };
      return fail({
        code: "qemu/no-such-network",
        address: `vm.${spec.name}`,
        summary: `network.${name}, which ${spec.name} is in, does not exist`,
        hint: "Run `vmlab apply`, which makes it anew.",
      });
    }),
  );
}

/** Name of an interface in the guest: `lab0` for the first network. */
export function interfaceName(index: number): string {
  return `lab${index}`;
}

/**
 * cloud-init's network configuration, version 2 (its documentation, "Networking config Version 2"): the user-mode
 * interface by DHCP with the default route, the others with fixed addresses. Interfaces are told by their MAC.
 */
export function networkConfig(userMac: string, networks: readonly InterfaceSpec[]): string {
  return lines(
    "version: 2",
    "ethernets:",
    "  user0:",
    "    match:",
    `      macaddress: ${JSON.stringify(userMac)}`,
    "    set-name: user0",
    "    dhcp4: true",
    "    dhcp-identifier: mac",
    ...networks.flatMap(({ ip, prefix, mac, mtu }, index) => [
      `  ${interfaceName(index)}:`,
      "    match:",
      `      macaddress: ${JSON.stringify(mac)}`,
      `    set-name: ${interfaceName(index)}`,
      "    dhcp4: false",
      `    addresses: ["${ip}/${prefix}"]`,
      `    mtu: ${mtu}`,
    ]),
  );
}

/** False when one of the VM's networks is cut off from the internet. */
export function hasInternet(networks: readonly InterfaceSpec[]): boolean {
  return networks.every(({ internet }) => internet);
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}
