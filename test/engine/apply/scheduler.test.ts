import { describe, expect, test } from "@jest/globals";
import { type ScheduleOptions, schedule } from "../../../engine/apply/scheduler.ts";
import type { Operation, Step } from "../../../engine/plan/types.ts";

const operation = (address: string, step: Step, needs: string[] = []): Operation => ({
  id: `${address}:${step}`,
  address,
  action: "create",
  step,
  provider: "fake",
  needs,
});

/** Runs operations whose end the test decides, recording what started and how many ran at once. */
function rig(operations: Operation[], options: Partial<ScheduleOptions> = {}) {
  const started: string[] = [];
  const finish = new Map<string, (succeeded: boolean) => void>();
  const result = schedule(operations, {
    parallelism: 10,
    boots: undefined,
    graceful: new AbortController().signal,
    hard: new AbortController().signal,
    mustFinish: () => false,
    skipped: () => undefined,
    run: (item) => {
      started.push(item.id);
      return new Promise((resolve) => finish.set(item.id, resolve));
    },
    ...options,
  });
  const end = async (id: string, succeeded = true) => {
    finish.get(id)?.(succeeded);
    await new Promise(setImmediate);
  };
  return { started, end, result };
}

describe("schedule", () => {
  test("starts an operation only when everything it needs is done", async () => {
    const { started, end, result } = rig([
      operation("image.a", "obtain"),
      operation("image.b", "obtain"),
      operation("vm.x", "create", ["image.a:obtain", "image.b:obtain"]),
    ]);
    expect(started).toEqual(["image.a:obtain", "image.b:obtain"]);
    await end("image.a:obtain");
    expect(started).toHaveLength(2);
    await end("image.b:obtain");
    expect(started).toEqual(["image.a:obtain", "image.b:obtain", "vm.x:create"]);
    await end("vm.x:create");
    expect([...(await result).values()]).toEqual([{ type: "done" }, { type: "done" }, { type: "done" }]);
  });

  test("goes on with independent work after a failure and skips what needed it, with the cause", async () => {
    const { started, end, result } = rig([
      operation("image.a", "obtain"),
      operation("vm.x", "create", ["image.a:obtain"]),
      operation("vm.x", "start", ["vm.x:create"]),
      operation("vm.y", "create"),
    ]);
    await end("image.a:obtain", false);
    await end("vm.y:create");
    expect(started).toEqual(["image.a:obtain", "vm.y:create"]);
    expect(Object.fromEntries(await result)).toEqual({
      "image.a:obtain": { type: "failed" },
      "vm.x:create": { type: "skipped", because: "image.a failed" },
      "vm.x:start": { type: "skipped", because: "image.a failed" },
      "vm.y:create": { type: "done" },
    });
  });

  test("never runs more at a time than parallelism allows", async () => {
    const { started, end, result } = rig(
      ["a", "b", "c"].map((name) => operation(`vm.${name}`, "create")),
      { parallelism: 2 },
    );
    expect(started).toEqual(["vm.a:create", "vm.b:create"]);
    await end("vm.b:create");
    expect(started).toEqual(["vm.a:create", "vm.b:create", "vm.c:create"]);
    await end("vm.a:create");
    await end("vm.c:create");
    await result;
  });

  test("holds a boot slot from start until ready has ended", async () => {
    const vm = (name: string) => [
      operation(`vm.${name}`, "start"),
      operation(`vm.${name}`, "ready", [`vm.${name}:start`]),
    ];
    const { started, end, result } = rig([...vm("a"), ...vm("b")], { boots: 1 });
    expect(started).toEqual(["vm.a:start"]);
    await end("vm.a:start");
    expect(started).toEqual(["vm.a:start", "vm.a:ready"]);
    await end("vm.a:ready", false);
    expect(started).toEqual(["vm.a:start", "vm.a:ready", "vm.b:start"]);
    await end("vm.b:start");
    await end("vm.b:ready");
    await result;
  });

  test("after a graceful interrupt only what must be finished is started", async () => {
    const graceful = new AbortController();
    const { started, end, result } = rig(
      [
        operation("vm.a", "stop"),
        operation("vm.a", "start", ["vm.a:stop"]),
        operation("vm.b", "create", ["vm.a:stop"]),
      ],
      { graceful: graceful.signal, mustFinish: (item) => item.address === "vm.a" },
    );
    graceful.abort();
    await end("vm.a:stop");
    expect(started).toEqual(["vm.a:stop", "vm.a:start"]);
    await end("vm.a:start");
    expect((await result).get("vm.b:create")).toEqual({ type: "skipped", because: "interrupted" });
  });

  test("after a hard interrupt nothing is started any more", async () => {
    const hard = new AbortController();
    const { started, end, result } = rig(
      [operation("vm.a", "create"), operation("vm.a", "start", ["vm.a:create"])],
      {
        hard: hard.signal,
        mustFinish: () => true,
      },
    );
    hard.abort();
    await end("vm.a:create", false);
    expect(started).toEqual(["vm.a:create"]);
    expect((await result).get("vm.a:start")?.type).toBe("skipped");
  });

  test("soft order waits for the end, well or not", async () => {
    const { started, end, result } = rig([
      operation("vm.old", "delete"),
      { ...operation("vm.new", "start"), after: ["vm.old:delete"] },
    ]);
    expect(started).toEqual(["vm.old:delete"]);
    await end("vm.old:delete", false);
    expect(started).toEqual(["vm.old:delete", "vm.new:start"]);
    await end("vm.new:start");
    await result;
  });
});
