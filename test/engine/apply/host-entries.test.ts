import { expect, test } from "@jest/globals";
import { hostEntries } from "../../../engine/apply/host-entries.ts";

const networks: Record<string, { members: { name: string; ip: string; environment?: string }[] }> = {
  front: {
    members: [
      { name: "k-cp", ip: "10.1.0.2", environment: "k" },
      { name: "web", ip: "10.1.0.3" },
    ],
  },
  back: {
    members: [
      { name: "k-cp", ip: "10.2.0.2", environment: "k" },
      { name: "k-worker-1", ip: "10.2.0.3", environment: "k" },
    ],
  },
};
const seenBy = (interfaces: string[], environment?: string) =>
  hostEntries(
    {
      lab: "demo",
      interfaces: interfaces.map((name) => ({ name })),
      ...(environment === undefined ? {} : { environment }),
    },
    (name) => networks[name],
  ).map(({ ip, names }) => [ip, ...names].join(" "));

test("members of an environment know each other by their short names too", () => {
  expect(seenBy(["back"], "k")).toEqual([
    "10.2.0.2 k-cp.demo k-cp cp",
    "10.2.0.3 k-worker-1.demo k-worker-1 worker-1",
  ]);
});

test("others know them by their full names, at the address in the first network that both are in", () => {
  expect(seenBy(["front", "back"])).toEqual([
    "10.1.0.2 k-cp.demo k-cp",
    "10.1.0.3 web.demo web",
    "10.2.0.3 k-worker-1.demo k-worker-1",
  ]);
  expect(seenBy([])).toEqual([]);
});
