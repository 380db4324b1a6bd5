/** The counters that QEMU keeps of a running machine, asked for through its monitor. */
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject, type Json } from "../../engine/json.ts";
import type { RunningUsage } from "../usage.ts";
import { type QmpConnection, withQmp } from "./qmp.ts";
import type { VmFolder } from "./vm-folder.ts";

/** QEMU answers at once, unless it saves or loads memory: then it is not waited for. */
const ANSWER_MS = 1_000;

export type MachineCounters = Pick<RunningUsage, "read" | "written" | "packets">;

/** Empty when QEMU does not answer, or another client holds its monitor. */
export async function machineCounters(effects: Effects, folder: VmFolder): Promise<MachineCounters> {
  try {
    return await withQmp(effects, folder.qmpSocket, { timeoutMs: ANSWER_MS }, async (qmp) => ({
      ...diskCounters(await qmp.execute("query-blockstats")),
      ...(await packetCounters(qmp)),
    }));
  } catch {
    return {};
  }
}

/** Bytes over all disks that the guest has, without the seed, which it reads once. */
export function diskCounters(answer: unknown): MachineCounters {
  if (!Array.isArray(answer)) return {};
  let [read, written] = [0, 0];
  for (const disk of answer as Json[]) {
    if (!isJsonObject(disk) || !isJsonObject(disk.stats)) continue;
    if (typeof disk.qdev !== "string" || disk.qdev.startsWith("/machine/peripheral/seed-device")) continue;
    read += Number(disk.stats.rd_bytes ?? 0);
    written += Number(disk.stats.wr_bytes ?? 0);
  }
  return { read, written };
}

const CARD = /^net-[a-z0-9]+$/;
const RECEIVING = 0;
const SENDING = 1;

/**
 * QEMU counts no bytes of its networks. What it has is how many buffers of a virtio card's two queues the guest has had
 * filled and emptied, one for each packet, in a ring index of 16 bits. QEMU before 7.2 does not tell.
 */
async function packetCounters(qmp: QmpConnection): Promise<MachineCounters> {
  const devices = (await qmp.execute("qom-list", { path: "/machine/peripheral" })) as { name: string }[];
  const cards = devices.map(({ name }) => name).filter((name) => CARD.test(name));
  let [received, sent] = [0, 0];
  try {
    for (const card of cards) {
      received += await usedBuffers(qmp, card, RECEIVING);
      sent += await usedBuffers(qmp, card, SENDING);
    }
  } catch {
    return {};
  }
  return { packets: { received: received & 0xffff, sent: sent & 0xffff } };
}

async function usedBuffers(qmp: QmpConnection, card: string, queue: number): Promise<number> {
  const path = `/machine/peripheral/${card}/virtio-backend`;
  const status = await qmp.execute("x-query-virtio-queue-status", { path, queue });
  const index = isJsonObject(status as Json) ? (status as { "used-idx"?: unknown })["used-idx"] : undefined;
  if (typeof index !== "number") throw new Error("QEMU does not tell how far the queue is");
  return index;
}
