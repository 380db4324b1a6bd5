import { expect, test } from "@jest/globals";
import { networkConfig } from "../../../providers/qemu/network/interfaces.ts";
import { boundAddresses, choose } from "../../../providers/qemu/network/segment.ts";

test("a segment is chosen by the network's id, in a group that stays on the host, and never one that is taken", () => {
  const first = choose("0123456789ab", new Set());
  expect(choose("0123456789ab", new Set())).toEqual(first);
  expect(first.group).toMatch(/^239\./);
  expect(first.port).toBeGreaterThanOrEqual(20_000);
  const second = choose("0123456789ab", new Set([`${first.group}:${first.port}`]));
  expect(second).not.toEqual(first);
  expect(choose("ba9876543210", new Set())).not.toEqual(first);
});

test("what other processes have bound is read off /proc/net/udp", () => {
  const text = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  112: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 19083 2 0000 0
 1129: 010203EF:C350 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 19084 2 0000 0
`;
  expect(boundAddresses(text)).toEqual(["127.0.0.1:53", "239.3.2.1:50000"]);
});

test("cloud-init gives each interface its name, address and MTU by its MAC", () => {
  const lab = { network: "n", internet: true };
  expect(
    networkConfig("52:54:00:00:00:01", [
      { ...lab, name: "cluster", ip: "10.42.0.10", prefix: 24, mac: "52:01:02:03:04:05", mtu: 1500 },
      { ...lab, name: "back", ip: "10.43.0.10", prefix: 16, mac: "52:01:02:03:04:06", mtu: 1400 },
    ]),
  ).toBe(`version: 2
ethernets:
  user0:
    match:
      macaddress: "52:54:00:00:00:01"
    set-name: user0
    dhcp4: true
    dhcp-identifier: mac
  lab0:
    match:
      macaddress: "52:01:02:03:04:05"
    set-name: lab0
    dhcp4: false
    addresses: ["10.42.0.10/24"]
    mtu: 1500
  lab1:
    match:
      macaddress: "52:01:02:03:04:06"
    set-name: lab1
    dhcp4: false
    addresses: ["10.43.0.10/16"]
    mtu: 1400
`);
});
