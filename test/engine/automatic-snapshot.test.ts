import { expect, test } from "@jest/globals";
import { removeSuperfluous } from "../../engine/automatic-snapshot.ts";
import type { SnapshotProvider } from "../../providers/provider.ts";

/** Snapshots of one VM by name, oldest first; what cannot be removed is named by `stuck`. */
function provider(names: string[], stuck?: string): SnapshotProvider {
  const part: Partial<SnapshotProvider> = {
    list: async () => new Map([["id", names.map((name) => ({ name })) as never]]),
    remove: async (_, name) => {
      if (name === stuck) throw new Error("another VM has its volume");
      names.splice(names.indexOf(name), 1);
    },
  };
  return part as SnapshotProvider;
}

async function tidy(names: string[], options: { stuck?: string; kept?: string } = {}): Promise<string[]> {
  const said: string[] = [];
  const context = {
    signal: new AbortController().signal,
    progress: () => undefined,
    output: (line: string) => said.push(line),
  };
  const inputs = { snapshots: { keep: 2, before_replace: true } };
  await removeSuperfluous(provider(names, options.stuck), { instance: "id", inputs }, context, options.kept);
  return said;
}

const [first, second, third, fourth] = [
  "auto-2026-01-01-000001",
  "auto-2026-01-01-000002",
  "auto-2026-01-01-000002-2",
  "auto-2026-01-03-000000",
];

test("the oldest of those that vmlab took go, never those of people, whatever they are called", async () => {
  const names = ["auto-before-upgrade", first, "mine", second, third, "auto-2026"];
  expect(await tidy(names)).toEqual([]);
  expect(names).toEqual(["auto-before-upgrade", "mine", second, third, "auto-2026"]);
});

test("the one that the VM was just brought back to stays, and so does what cannot be removed now", async () => {
  const names = [first, second, third, fourth];
  expect(await tidy(names, { kept: first })).toEqual([]);
  expect(names).toEqual([first, third, fourth]);
  const stuck = [first, second, third];
  expect(await tidy(stuck, { stuck: first })).toEqual([
    `the snapshot ${first} stays, although newer ones are kept: another VM has its volume`,
  ]);
  expect(stuck).toEqual([first, second, third]);
});
