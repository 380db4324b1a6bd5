import { expect, test } from "@jest/globals";
import { CopyEvents } from "../../../cli/copy/copy-events.ts";
import type { Diagnostic } from "../../../engine/diagnostics.ts";
import type { Event } from "../../../engine/events.ts";

/** A clock that moves by hand, and what a copy to two places tells. */
function rig() {
  let now = 0;
  let wake = (): void => undefined;
  const clock = {
    now: () => now,
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        wake = resolve;
        signal?.addEventListener("abort", () => reject(new Error("over")));
      }),
  };
  const web = {
    to: "web:~",
    bytes: 0,
    expected: 1000 as number | undefined,
    diagnostics: [] as Diagnostic[],
  };
  const db = { ...web, to: "db:~", expected: undefined, diagnostics: [] as Diagnostic[] };
  const told: Event[] = [];
  const events = new CopyEvents(clock, [web, db], (event) => told.push(event));
  const passes = async (ms: number) => {
    now += ms;
    wake();
    await Promise.resolve();
  };
  return { web, db, told, events, passes };
}

test("a copy of a moment tells nothing", () => {
  const { web, db, told, events } = rig();
  web.bytes = 1000;
  events.moved(web);
  events.laneEnded(web);
  events.laneEnded(db);
  events.ended();
  expect(told).toEqual([]);
});

test("a long one tells what it is, how far it is and how it ended", async () => {
  const { web, db, told, events, passes } = rig();
  web.bytes = 250;
  db.diagnostics.push({ code: "cp/x", severity: "error", summary: "no" });
  events.laneEnded(db);
  await passes(2000);
  web.bytes = 260;
  events.moved(web);
  await passes(3000);
  web.bytes = 500;
  events.moved(web);
  events.laneEnded(web);
  events.ended();
  const operation = (index: number, address: string) => ({
    operation: { id: `copy:${index}`, address, step: "copy", action: "copy" },
  });
  const progress = { unit: "bytes", total: 1000 };
  expect(told).toEqual([
    { type: "run-started", operations: 2 },
    { type: "operation-started", ...operation(0, "web:~") },
    {
      type: "operation-progress",
      ...operation(0, "web:~"),
      phase: "copying",
      progress: { ...progress, done: 250, ratePerSecond: 125, etaMs: 6000 },
    },
    { type: "operation-started", ...operation(1, "db:~") },
    { type: "operation-failed", ...operation(1, "db:~"), durationMs: 0, diagnostics: db.diagnostics },
    {
      type: "operation-progress",
      ...operation(0, "web:~"),
      phase: "copying",
      progress: { ...progress, done: 500, ratePerSecond: 100, etaMs: 5000 },
    },
    { type: "operation-finished", ...operation(0, "web:~"), durationMs: 5000 },
    {
      type: "run-finished",
      result: { created: 0, updated: 1, replaced: 0, deleted: 0, failed: 1, skipped: 0 },
      durationMs: 5000,
    },
  ]);
});
