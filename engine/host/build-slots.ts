/**
 * The queue of image builds, shared by every vmlab of this host: a file a build under `VMLAB_HOME/builds`. Who comes
 * first builds first; a file whose process is dead counts for nothing.
 */

import { join } from "node:path";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";
import { isJsonObject } from "../json.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import { isHolderAlive } from "../state/lock-holder.ts";
import { decodeLock, encodeLock, type LockRecord } from "../state/lock-record.ts";
import { readHostConfig } from "./host-config.ts";
import { withHostLock } from "./host-lock.ts";
import { readLedger, runningReservations } from "./labs.ts";

/** What a build takes of the host. */
export interface BuildDemand {
  /** Hex digits; unique among builds. */
  readonly id: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** What is built, for whoever waits: `role.docker`. */
  readonly what: string;
}

/** A build's place in the queue. */
export interface BuildTicket extends BuildDemand {
  readonly state: "waiting" | "building";
  /** Milliseconds since the epoch when it queued. */
  readonly since: number;
  readonly pid: number;
}

/** What of the host builds may take; bytes. */
export interface BuildCapacity {
  readonly parallel: number;
  readonly cpus: number;
  readonly memory: number;
}

export interface SlotOptions {
  readonly signal: AbortSignal;
  readonly progress: (phase: string) => void;
}

type SlotEffects = Pick<Effects, "files" | "processes" | "clock" | "host" | "random">;

const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 2_000;

/** Waits for its turn, then runs `use`. The place is given back whatever happens. */
export async function withBuildSlot<Result>(
  effects: SlotEffects,
  home: Home,
  demand: BuildDemand,
  { signal, progress }: SlotOptions,
  use: () => Promise<Result>,
): Promise<Result> {
  const { clock, processes } = effects;
  const own: BuildTicket = { ...demand, state: "waiting", since: clock.now(), pid: processes.self };
  const path = ticketPath(home, own.id);
  await effects.files.makeDir(buildsFolder(home));
  try {
    await writeTicket(effects, path, own);
    let told: string | undefined;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      signal.throwIfAborted();
      const obstacle = await takeTurn(effects, home, own);
      if (obstacle === undefined) break;
      if (obstacle !== told) progress(obstacle);
      told = obstacle;
      await clock.sleep(pollMs, signal);
    }
    return await use();
  } finally {
    await effects.files.remove(path);
  }
}

/** Removes what dead processes left of their places; whoever queues does it as well. */
export async function recoverBuildSlots(effects: SlotEffects, home: Home): Promise<void> {
  await livingTickets(effects, home);
}

/** The builds that run now, in the order in which they queued. */
export async function buildsUnderWay(effects: SlotEffects, home: Home): Promise<readonly BuildTicket[]> {
  return (await livingTickets(effects, home)).filter(({ state }) => state === "building");
}

/** Marks the build as running when nothing is in its way; else says what is. */
async function takeTurn(effects: SlotEffects, home: Home, own: BuildTicket): Promise<string | undefined> {
  // Looking first: waiting must not write to the disk again and again.
  const obstacle = await whatHinders(effects, home, own);
  if (obstacle !== undefined) return obstacle;
  return withHostLock(
    effects,
    home,
    "builds",
    async () => {
      const changed = await whatHinders(effects, home, own);
      if (changed === undefined)
        await writeTicket(effects, ticketPath(home, own.id), { ...own, state: "building" });
      return changed;
    },
    { command: "build" },
  );
}

async function whatHinders(effects: SlotEffects, home: Home, own: BuildTicket): Promise<string | undefined> {
  const [config, ledger, bootId, tickets] = await Promise.all([
    readHostConfig(effects, home),
    readLedger(effects, home),
    effects.host.bootId(),
    livingTickets(effects, home),
  ]);
  const running = ledger.labs.flatMap((lab) => runningReservations(lab, bootId).map(([, vm]) => vm));
  return hindrance(own, tickets, {
    parallel: config.builds.parallel,
    cpus: config.limits.cpus - sum(running.map((vm) => vm.cpus)),
    memory: config.limits.memory - sum(running.map((vm) => vm.memory)),
  });
}

/**
 * Why a build has to wait; undefined when it may go. Without any other build it always may: a host that is too small
 * would else wait for ever.
 */
export function hindrance(
  own: BuildTicket,
  tickets: readonly BuildTicket[],
  capacity: BuildCapacity,
): string | undefined {
  const others = tickets.filter((ticket) => ticket.id !== own.id);
  const earlier = others.filter((ticket) => ticket.state === "waiting" && isBefore(ticket, own));
  const building = others.filter((ticket) => ticket.state === "building");
  const [next] = earlier;
  if (next !== undefined) return `waiting for ${listed([...building, next])}`;
  if (building.length === 0) return undefined;
  if (building.length >= capacity.parallel) return `waiting for ${listed(building)}`;
  if (sum(building.map((ticket) => ticket.memory)) + own.memory > capacity.memory)
    return `waiting for memory, which ${listed(building)} uses`;
  if (sum(building.map((ticket) => ticket.cpus)) + own.cpus > capacity.cpus)
    return `waiting for CPUs, which ${listed(building)} uses`;
  return undefined;
}

function isBefore(a: BuildTicket, b: BuildTicket): boolean {
  return a.since === b.since ? a.id < b.id : a.since < b.since;
}

/** `role.docker (pid 4711)`. */
function listed(tickets: readonly BuildTicket[]): string {
  return tickets.map(({ what, pid }) => `${what} (pid ${pid})`).join(", ");
}

/** In the order in which they queued; what dead processes left is removed. */
async function livingTickets(effects: SlotEffects, home: Home): Promise<readonly BuildTicket[]> {
  const tickets: BuildTicket[] = [];
  for (const name of await effects.files.list(buildsFolder(home))) {
    if (!/^[0-9a-f]+\.json$/.test(name)) continue;
    const path = join(buildsFolder(home), name);
    const found = await readTicket(effects, path);
    if (found === undefined) continue;
    if (found === "damaged" || (await isHolderAlive(effects, found.lock.holder)) === false)
      await effects.files.remove(path);
    else tickets.push(found.ticket);
  }
  return tickets.sort((a, b) => (isBefore(a, b) ? -1 : 1));
}

async function readTicket(
  effects: Pick<Effects, "files">,
  path: string,
): Promise<{ ticket: BuildTicket; lock: LockRecord } | "damaged" | undefined> {
  // It may have been given back since the folder was listed.
  const text = await readTextIfThere(effects.files, path);
  if (text === undefined) return undefined;
  const lock = decodeLock(text);
  if (lock === undefined) return "damaged";
  const { build }: { build?: unknown } = JSON.parse(text);
  if (!isJsonObject(build)) return "damaged";
  const { cpus, memory, what, state } = build;
  if (typeof cpus !== "number" || typeof memory !== "number" || typeof what !== "string") return "damaged";
  if (state !== "waiting" && state !== "building") return "damaged";
  const { pid, since } = lock.holder;
  return { lock, ticket: { id: lock.token, cpus, memory, what, state, since, pid } };
}

/** A ticket names its owner as a lock does. */
async function writeTicket(effects: SlotEffects, path: string, ticket: BuildTicket): Promise<void> {
  const { processes, host } = effects;
  const { id, cpus, memory, what, state, since } = ticket;
  const lock = encodeLock({
    token: id,
    holder: {
      pid: processes.self,
      startTime: (await processes.identify(processes.self))?.startTime ?? "",
      bootId: await host.bootId(),
      host: await host.hostId(),
      hostName: host.hostName(),
      user: host.userName(),
      command: "build",
      since,
    },
  });
  await effects.files.write(
    path,
    `${JSON.stringify({ ...JSON.parse(lock), build: { cpus, memory, what, state } })}\n`,
  );
}

function buildsFolder(home: Home): string {
  return join(home.root, "builds");
}

function ticketPath(home: Home, id: string): string {
  return join(buildsFolder(home), `${id}.json`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
