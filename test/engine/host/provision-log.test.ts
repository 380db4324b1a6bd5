import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { masker } from "../../../engine/apply/mask.ts";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { ProvisionLog, provisionLogPlaces, type StepOutput } from "../../../engine/host/provision-log.ts";
import { readProvisionLog } from "../../../engine/host/read-provision-log.ts";
import { failFrom } from "../../support/effects.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const folder = temporaryFolders();
const never = new AbortController().signal;

async function rig(around: (effects: Effects) => Effects = (effects) => effects) {
  const places = provisionLogPlaces(homeFrom({ VMLAB_HOME: await folder() }), "11aa", "web");
  let now = 1000;
  const effects = around({ ...nodeEffects(), clock: { now: () => now, sleep: async () => {} } });
  const notes: string[] = [];
  const log = new ProvisionLog({
    effects,
    places,
    instance: "0123456789ab",
    mask: masker(() => ["hunter22", "SECRETSECRET"]),
    note: (text) => notes.push(text),
  });
  return {
    places,
    notes,
    pass: (ms: number) => {
      now += ms;
    },
    step: (step: string, work: (told: StepOutput) => void | Promise<void>, signal = never) =>
      log.step({ step, number: 1, total: 2 }, signal, async (told) => work(told)),
    read: () => readProvisionLog(nodeEffects().files, places),
  };
}

describe("the log of a provisioning", () => {
  test("holds each step with what it printed, its duration and its exit code", async () => {
    const { step, pass, read, places } = await rig();
    await step("run make", ({ output, exited }) => {
      output("cc -o web");
      pass(1500);
      exited(0);
    });
    const failing = step("run false", ({ exited }) => {
      exited(3);
      throw new Error("exit code 3");
    });
    await expect(failing).rejects.toThrow("exit code 3");
    expect(await read()).toEqual([
      { time: 1000, type: "step", instance: "0123456789ab", step: "run make", number: 1, total: 2 },
      { time: 1000, type: "output", line: "cc -o web" },
      { time: 2500, type: "end", result: "done", durationMs: 1500, code: 0 },
      { time: 2500, type: "step", instance: "0123456789ab", step: "run false", number: 1, total: 2 },
      { time: 2500, type: "end", result: "failed", durationMs: 0, code: 3 },
    ]);
    expect((await stat(places.current)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(places.current))).mode & 0o777).toBe(0o700);
  });

  test("says that a step was interrupted", async () => {
    const { step, read } = await rig();
    const abort = new AbortController();
    const interrupted = step(
      "run sleep",
      () => {
        abort.abort();
        throw new Error("aborted");
      },
      abort.signal,
    );
    await expect(interrupted).rejects.toThrow("aborted");
    expect((await read())?.at(-1)).toMatchObject({ type: "end", result: "interrupted" });
  });

  test("holds no secret, also where a long line is cut", async () => {
    const { step, places } = await rig();
    await step("run env", ({ output }) => {
      output("TOKEN=hunter22");
      output(`${"x".repeat(4090)}SECRETSECRET`);
    });
    const text = await readFile(places.current, "utf8");
    expect(text).toContain("TOKEN=(sensitive)");
    expect(text).not.toContain("hunter22");
    expect(text).not.toContain("SECRET");
  });

  test("can be read while a step runs", async () => {
    const { step, pass, read } = await rig();
    await step("run make", async ({ output }) => {
      pass(1000);
      output("first");
      for (;;) if ((await read())?.some((entry) => entry.type === "output")) return;
    });
  });

  test("keeps its end when it grows too big", async () => {
    const { step, read, places } = await rig();
    for (let round = 0; round < 5; round++) {
      await step(`run ${round}`, ({ output }) => {
        for (let line = 0; line < 500; line++) output(`${line} ${"x".repeat(2000)}`);
      });
    }
    expect((await stat(places.current)).size + (await stat(places.older)).size).toBeLessThan(4.2 * 2 ** 20);
    const steps = (await read())?.flatMap((entry) => (entry.type === "step" ? [entry.step] : []));
    expect(steps).toEqual(["run 2", "run 3", "run 4"]);
  });

  test("leaves lines out rather than fill the memory", async () => {
    const { step, read } = await rig();
    await step("run yes", ({ output }) => {
      for (let line = 0; line < 10_500; line++) output("y");
    });
    expect((await read())?.filter((entry) => entry.type === "output").at(-1)).toMatchObject({
      line: "(501 lines are left out)",
    });
  });

  test("is no reason for a step to fail", async () => {
    const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    const { step, notes, read } = await rig((effects) => failFrom(effects, 1, full));
    let ran = 0;
    for (const name of ["one", "two"])
      await step(name, () => {
        ran += 1;
      });
    expect(ran).toBe(2);
    expect(notes).toEqual(["the log of its provisioning cannot be kept (ENOSPC)"]);
    expect(await read()).toBeUndefined();
  });
});
