import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AddressRequest, allocateAddresses } from "../../../engine/config/expand/allocate-addresses.ts";
import { formatIpv4, type Ipv4Network, parseIpv4, parseIpv4Network } from "../../../engine/config/ipv4.ts";

const network = (text: string) => parseIpv4Network(text) as Ipv4Network;
const ip = (text: string) => parseIpv4(text) as number;

function allocated(
  cidr: string,
  requests: AddressRequest[],
  avoided: string[] = [],
): Record<string, string | null> {
  const given = allocateAddresses(network(cidr), requests, new Set(avoided.map(ip)));
  return Object.fromEntries(
    [...given].map(([name, address]) => [name, address === null ? null : formatIpv4(address)]),
  );
}

test("declared addresses go first, then recorded ones, then the lowest free ones from the second on", () => {
  expect(
    allocated("10.0.0.0/24", [
      { name: "new" },
      { name: "kept", recorded: ip("10.0.0.7") },
      { name: "fixed", declared: ip("10.0.0.2") },
      { name: "newer" },
    ]),
  ).toEqual({ fixed: "10.0.0.2", kept: "10.0.0.7", new: "10.0.0.3", newer: "10.0.0.4" });
});

test("a declared address takes a recorded one away; one outside of a changed network is given up", () => {
  expect(
    allocated("10.0.1.0/29", [
      { name: "displaced", recorded: ip("10.0.1.3") },
      { name: "fixed", declared: ip("10.0.1.3") },
      { name: "elsewhere", recorded: ip("10.0.0.3") },
    ]),
  ).toEqual({ fixed: "10.0.1.3", displaced: "10.0.1.2", elsewhere: "10.0.1.4" });
});

test("addresses of leaving members and the first one are given out last; then there are none left", () => {
  const requests = ["a", "b", "c", "d", "e", "f", "g"].map((name) => ({ name }));
  expect(allocated("10.0.0.0/29", requests, ["10.0.0.3"])).toEqual({
    a: "10.0.0.2",
    b: "10.0.0.4",
    c: "10.0.0.5",
    d: "10.0.0.6",
    e: "10.0.0.3",
    f: "10.0.0.1",
    g: null,
  });
});

test("whoever has an address keeps it when others come and go, and nobody shares one", () => {
  const names = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(names, names, (before, after) => {
      const range = network("10.0.0.0/26");
      const first = allocateAddresses(
        range,
        before.map((name) => ({ name: String(name) })),
        new Set(),
      );
      const leaving = new Set(
        before.filter((name) => !after.includes(name)).map((name) => first.get(String(name)) ?? 0),
      );
      const second = allocateAddresses(
        range,
        after.map((name) => {
          const recorded = first.get(String(name));
          return { name: String(name), ...(recorded == null ? {} : { recorded }) };
        }),
        leaving,
      );
      const given = [...second.values()];
      expect(new Set(given).size).toBe(given.length);
      for (const name of after)
        if (before.includes(name)) expect(second.get(String(name))).toBe(first.get(String(name)));
    }),
  );
});
