import { expect, test } from "@jest/globals";
import {
  type Forward,
  hostForwardRule,
  parseUsernet,
  refusedRule,
  resolveForwards,
  wantedForwards,
} from "../../../providers/qemu/forwards.ts";

const USERNET = [
  "Hub -1 (user0):",
  "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ",
  "  TCP[ESTABLISHED]   21       127.0.0.1 43889      10.0.2.15    22     0     0",
  "  TCP[HOST_FORWARD]  13       127.0.0.1 39749      10.0.2.15    80     0     0",
  "  TCP[HOST_FORWARD]  12       127.0.0.1 43889      10.0.2.15    22     0     0",
  "  UDP[236 sec]       20       10.0.2.15 52345       10.0.2.3    53     0     0",
  "  UDP[HOST_FORWARD]  14               * 18053      10.0.2.15    53     0     0",
  "",
].join("\r\n");

const http = { address: "127.0.0.1", host: 0, guest: 80, protocol: "tcp" } as const;
const ssh: Forward = {
  purpose: "ssh",
  address: "127.0.0.1",
  host: 0,
  guest: 22,
  protocol: "tcp",
  chosen: true,
};

test("only the forwards of `info usernet` count, not its live connections", () => {
  expect(parseUsernet(USERNET)).toEqual([
    { protocol: "tcp", address: "127.0.0.1", host: 39749, guest: 80 },
    { protocol: "tcp", address: "127.0.0.1", host: 43889, guest: 22 },
    { protocol: "udp", address: "0.0.0.0", host: 18053, guest: 53 },
  ]);
});

test("a start asks for the ports of the last one where the kernel chooses", () => {
  const declared = { ...http, host: 8080 };
  const first = wantedForwards([http, declared], []);
  expect(first).toEqual([
    ssh,
    { ...http, purpose: "declared", chosen: true },
    { ...declared, purpose: "declared", chosen: false },
  ]);
  const before = [
    { ...ssh, host: 43889 },
    { ...http, purpose: "declared", chosen: true, host: 39749 } as const,
    { ...declared, purpose: "declared", chosen: false } as const,
  ];
  expect(wantedForwards([http, declared], before)).toEqual(before);
});

test("the monitor fills in what the kernel chose, fixed ports first", () => {
  const wanted: Forward[] = [
    { ...http, purpose: "declared", chosen: true },
    { ...http, host: 8080, purpose: "declared", chosen: false },
  ];
  const bound = [
    { protocol: "tcp", address: "127.0.0.1", host: 8080, guest: 80 },
    { protocol: "tcp", address: "127.0.0.1", host: 40001, guest: 80 },
  ] as const;
  expect(resolveForwards(wanted, bound).map((f) => f.host)).toEqual([40001, 8080]);
  expect(() => resolveForwards([ssh], [])).toThrow("does not list the forward tcp:127.0.0.1:0-:22");
});

test("a rule takes IPv4 addresses only, so that nothing else reaches the monitor's text", () => {
  expect(hostForwardRule({ ...http, host: 8080 })).toBe("tcp:127.0.0.1:8080-:80");
  expect(() => hostForwardRule({ ...http, address: "localhost; quit" })).toThrow("qemu/bad-address");
});

test("QEMU's refusal names the rule", () => {
  expect(
    refusedRule(
      "qemu-system-x86_64: -netdev user,id=user0: Could not set up host forwarding rule 'tcp:127.0.0.1:80-:80'",
    ),
  ).toBe("tcp:127.0.0.1:80-:80");
  expect(refusedRule("qemu-system-x86_64: cannot set up guest memory")).toBeUndefined();
});
