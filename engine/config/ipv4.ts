/** IPv4 networks and addresses as numbers; texts are read by ipaddr.js. */
import ipaddr from "ipaddr.js";

export interface Ipv4Network {
  /** The network's own address, the lowest. */
  readonly base: number;
  /** Bits. */
  readonly prefix: number;
  /** The highest address: broadcast. */
  readonly last: number;
}

/** Four decimal numbers without leading zeros; undefined for everything else. */
export function parseIpv4(text: string): number | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) || /(^|\.)0\d/.test(text)) return undefined;
  return numberOf(ipaddr.IPv4.parse(text));
}

export function formatIpv4(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join(".");
}

/** `10.42.0.0/24`; also with an address inside the network. Undefined when it is none. */
export function parseIpv4Network(text: string): Ipv4Network | undefined {
  const [address = "", bits = ""] = text.split("/");
  const prefix = Number(bits);
  if (parseIpv4(address) === undefined || !/^\d+$/.test(bits) || prefix > 32) return undefined;
  return {
    base: numberOf(ipaddr.IPv4.networkAddressFromCIDR(text)),
    prefix,
    last: numberOf(ipaddr.IPv4.broadcastAddressFromCIDR(text)),
  };
}

export function overlap(a: Ipv4Network, b: Ipv4Network): boolean {
  return a.base <= b.last && b.base <= a.last;
}

/** Whether a host may have the address: neither the network's own nor the broadcast address. */
export function isHostAddress(address: number, network: Ipv4Network): boolean {
  return address > network.base && address < network.last;
}

function numberOf(address: ipaddr.IPv4): number {
  return address.toByteArray().reduce((value, byte) => value * 256 + byte, 0);
}
