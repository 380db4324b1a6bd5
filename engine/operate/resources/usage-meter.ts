/** What machines do per second: told by their counters at two moments. */
import type { RunningUsage, VmProvider, VmUsage } from "../../../providers/provider.ts";
import type { Clock } from "../../effects.ts";

/** Per second. Absent: not known, because the machine was just started or the system does not tell. */
export interface VmRates {
  /** CPUs of the host: 1.5 is one and a half of them. */
  readonly cpus?: number;
  /** Bytes from and to its disks. */
  readonly read?: number;
  readonly written?: number;
  /** Packets over its networks. */
  readonly received?: number;
  readonly sent?: number;
}

export interface MeasuredVm {
  readonly usage: VmUsage;
  readonly rates: VmRates;
}

/** Packet counters go round: they are looked at this often. */
const LONGEST_STEP_MS = 1_000;
/** More packets in one step than this are not believed: the counter may have gone round, or begun anew with the guest. */
const MOST_PACKETS = 0x8000;

interface Packets {
  readonly received: number;
  readonly sent: number;
}

/** Each measurement begins where the last one ended. */
export class UsageMeter {
  readonly #provider: Pick<VmProvider, "usage">;
  readonly #clock: Clock;
  #last: ReadonlyMap<string, VmUsage> | undefined;

  constructor(provider: Pick<VmProvider, "usage">, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  /**
   * Watches for `windowMs` and tells the rates of that time, by id. Without `ids`, of all machines of the provider. Rejects
   * with the signal's reason.
   */
  async measure(
    ids: readonly string[] | undefined,
    windowMs: number,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, MeasuredVm>> {
    const first = this.#last ?? (await this.#provider.usage(ids));
    const packets = new Map<string, Packets | undefined>();
    let before = first;
    for (let left = windowMs; left > 0; left -= LONGEST_STEP_MS) {
      await this.#clock.sleep(Math.min(left, LONGEST_STEP_MS), signal);
      const now = await this.#provider.usage(ids);
      for (const [id, usage] of now) {
        const step = packetsBetween(before.get(id), usage);
        const sum = packets.has(id) ? packets.get(id) : { received: 0, sent: 0 };
        packets.set(id, added(sum, step));
      }
      before = now;
    }
    this.#last = before;
    return new Map(
      [...before].map(([id, usage]) => {
        const rates = ratesBetween(first.get(id), usage, packets.get(id));
        return [id, { usage, rates }];
      }),
    );
  }
}

/** `packets`: how many passed meanwhile, where that is known. */
function ratesBetween(before: VmUsage | undefined, after: VmUsage, packets?: Packets): VmRates {
  const runs = sameRun(before, after);
  if (runs === undefined) return {};
  const ms = runs.ms;
  const perSecond = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined || to < from ? undefined : ((to - from) * 1000) / ms;
  const cpuMs = perSecond(runs.before.cpuMs, runs.after.cpuMs);
  const rates = {
    cpus: cpuMs === undefined ? undefined : cpuMs / 1000,
    read: perSecond(runs.before.read, runs.after.read),
    written: perSecond(runs.before.written, runs.after.written),
    received: perSecond(0, packets?.received),
    sent: perSecond(0, packets?.sent),
  };
  return Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate !== undefined));
}

/** Undefined when they cannot be told. */
function packetsBetween(before: VmUsage | undefined, after: VmUsage): Packets | undefined {
  const runs = sameRun(before, after);
  const [from, to] = [runs?.before.packets, runs?.after.packets];
  if (from === undefined || to === undefined) return undefined;
  const received = (to.received - from.received) & 0xffff;
  const sent = (to.sent - from.sent) & 0xffff;
  return received >= MOST_PACKETS || sent >= MOST_PACKETS ? undefined : { received, sent };
}

function added(sum: Packets | undefined, step: Packets | undefined): Packets | undefined {
  if (sum === undefined || step === undefined) return undefined;
  return { received: sum.received + step.received, sent: sum.sent + step.sent };
}

/** Undefined unless it ran all the time since: counters of another start say nothing. */
function sameRun(
  before: VmUsage | undefined,
  after: VmUsage,
): { before: RunningUsage; after: RunningUsage; ms: number } | undefined {
  const ms = after.time - (before?.time ?? after.time);
  if (before?.running === undefined || after.running === undefined || ms <= 0) return undefined;
  if (before.running.startedAt !== after.running.startedAt) return undefined;
  return { before: before.running, after: after.running, ms };
}
