/** What a pretend machine pretends to take of the host: a steady tenth of a CPU, and half of its memory. */
import type { VmUsage } from "../usage.ts";
import type { FakeMachine } from "./world.ts";

/** Bytes. */
const WRITTEN_PER_SECOND = 4096;
const READ_PER_SECOND = 16_384;

/** With its id; nothing for what is not there. Counters follow from the time alone: they go on from process to process. */
export function fakeUsage(
  { id, name, state, attributes }: FakeMachine,
  time: number,
): [id: string, VmUsage][] {
  if (state !== "running" && state !== "stopped") return [];
  const { memory, disk } = attributes;
  const seconds = time / 1000;
  const usage = {
    ...{ id, name, time },
    disk: { size: Number(disk ?? 0), allocated: 0, growth: 0 },
  };
  if (state === "stopped") return [[id, usage]];
  const running = {
    cpuMs: time / 10,
    resident: Number(memory ?? 0) / 2,
    read: Math.floor(seconds * READ_PER_SECOND),
    written: Math.floor(seconds * WRITTEN_PER_SECOND),
  };
  return [[id, { ...usage, running }]];
}
