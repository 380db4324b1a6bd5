import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../../../engine/effects.ts";
import { UsageMeter } from "../../../../engine/operate/resources/usage-meter.ts";
import type { RunningUsage, VmUsage } from "../../../../providers/provider.ts";

/** Looks at `web` one second apart: what each finds, undefined for a VM that is gone, "off" for one that is off. */
function meter(looks: readonly (Partial<RunningUsage> | "off" | undefined)[]): UsageMeter {
  let now = 0;
  let look = 0;
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
  const usage = async () => {
    const found = looks[look];
    look += 1;
    if (found === undefined) return new Map<string, VmUsage>();
    const vm = { id: "1", name: "web", time: now, disk: { size: 0, allocated: 0, growth: 0 } };
    const running = found === "off" ? {} : { running: { startedAt: 0, ...found } };
    return new Map([["1", { ...vm, ...running }]]);
  };
  return new UsageMeter({ usage }, clock);
}
const ratesOf = async (looks: Parameters<typeof meter>[0], windowMs = 2000) =>
  (await meter(looks).measure(undefined, windowMs)).get("1")?.rates;

describe("what a machine does per second", () => {
  test("is the difference of its counters over the time between", async () => {
    expect(
      await ratesOf([
        { cpuMs: 100, read: 0, written: 50, packets: { received: 10, sent: 0 } },
        { cpuMs: 2100, read: 10, written: 50, packets: { received: 20, sent: 1 } },
        { cpuMs: 3100, read: 400, written: 50, packets: { received: 40, sent: 5 } },
      ]),
    ).toEqual({ cpus: 1.5, read: 200, written: 0, received: 15, sent: 2.5 });
  });

  test("goes on over a packet counter that goes round, and leaves out one that began anew", async () => {
    const packets = (received: number) => ({ packets: { received, sent: 0 } });
    expect(await ratesOf([packets(65_530), packets(4), packets(10)])).toEqual({ received: 8, sent: 0 });
    expect(await ratesOf([packets(20_000), packets(0), packets(10)])).toEqual({});
  });

  test("is not known of what the system does not tell, of what was just started, and of what is off", async () => {
    expect(await ratesOf([{ cpuMs: 0 }, { cpuMs: 0 }, { cpuMs: 0, read: 5 }])).toEqual({ cpus: 0 });
    expect(await ratesOf(["off", { cpuMs: 5 }, { cpuMs: 9 }])).toEqual({});
    expect(await ratesOf([undefined, { cpuMs: 5 }, { cpuMs: 9 }])).toEqual({});
    expect(await ratesOf([{ cpuMs: 9 }, "off", "off"])).toEqual({});
    expect(await ratesOf([{ cpuMs: 9 }, { cpuMs: 9 }, { startedAt: 1500, cpuMs: 10 }])).toEqual({});
  });

  test("begins where the last measurement ended", async () => {
    const measured = meter([{ cpuMs: 0 }, { cpuMs: 100 }, { cpuMs: 1100 }]);
    expect((await measured.measure(["1"], 1000)).get("1")?.rates).toEqual({ cpus: 0.1 });
    expect((await measured.measure(["1"], 1000)).get("1")?.rates).toEqual({ cpus: 1 });
  });
});
