/**
 * An exclusive lock as a file that names its holder. The file appears with its whole content or not at all.
 *
 * Taking over from a dead holder is itself exclusive: whoever wants to must hold the claim `LOCK.takeover-TOKEN`, a
 * lock of the same kind named for the one dead holder, and looks again before replacing the lock file by a rename. So
 * there is no moment without a lock file, and two that find the same dead holder cannot both win.
 */
import { basename, dirname, join } from "node:path";
import { fail, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { EventSink } from "../events.ts";
import { explainReadError, explainWriteError } from "./file-errors.ts";
import { isHolderAlive } from "./lock-holder.ts";
import { decodeLock, encodeLock, holderText, type LockRecord, sinceText } from "./lock-record.ts";
import type { LockHolder } from "./types.ts";

export type LockEffects = Pick<Effects, "files" | "processes" | "clock" | "host" | "random">;

export interface LockOptions {
  /** The command line's verb, for whoever waits. */
  readonly command: string;
  /** How long to wait; 0: not at all. */
  readonly timeoutMs: number;
  /** What is locked, as a subject: `The state of this lab`. */
  readonly what: string;
  /** The command that removes the lock by force. */
  readonly unlock: string;
  /** Code of the diagnostic when the time is over. */
  readonly code?: string;
  readonly events?: EventSink;
  readonly signal?: AbortSignal;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /** Gives the lock back, unless somebody broke it meanwhile. */
  release(): Promise<void>;
}

/** A lock that is held briefly is soon looked at again; for a long wait every 200 ms is enough. */
const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 200;
/** A claim is held for a few file operations. */
const CLAIM_TIMEOUT_MS = 10_000;

/**
 * Takes the lock at `path`, whose folder exists. Fails with `state/locked` (or `code`) when another holds it until
 * the time is over.
 */
export async function acquireLock(
  effects: LockEffects,
  path: string,
  options: LockOptions,
): Promise<HeldLock> {
  const { clock } = effects;
  const own = await ownRecord(effects, options.command);
  const deadline = clock.now() + options.timeoutMs;
  let announced: string | undefined;
  let pollMs = FIRST_POLL_MS;
  for (;;) {
    options.signal?.throwIfAborted();
    // Looking first: waiting must not write to the disk again and again.
    const other = await readRecord(effects, path);
    if (other === undefined) {
      if (await create(effects, path, own)) return held(effects, path, own);
      continue;
    }
    const dead = other !== "damaged" && (await isHolderAlive(effects, other.holder)) === false;
    if (dead && (await takeOver(effects, path, other, own, options))) return held(effects, path, own);
    // Somebody else took it over, or gave it back: look again at once.
    if (dead) continue;

    const left = deadline - clock.now();
    if (left <= 0) refuse(path, other, options);
    const token = other === "damaged" ? "damaged" : other.token;
    if (other !== "damaged" && token !== announced) {
      options.events?.({ type: "lock-waiting", holder: holderText(other.holder), since: other.holder.since });
      announced = token;
    }
    await clock.sleep(Math.min(pollMs, left), options.signal);
    pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS);
  }
}

/** Who holds the lock, and whether that process lives (undefined: on another host, cannot tell). */
export async function readLock(
  effects: LockEffects,
  path: string,
): Promise<{ holder: LockHolder; alive: boolean | undefined } | undefined> {
  const record = await readRecord(effects, path);
  if (record === undefined) return undefined;
  if (record === "damaged") return { holder: UNKNOWN_HOLDER, alive: undefined };
  return { holder: record.holder, alive: await isHolderAlive(effects, record.holder) };
}

/** Removes a lock whoever holds it, and what unfinished takeovers left. */
export async function breakLock(effects: LockEffects, path: string): Promise<void> {
  try {
    await effects.files.remove(path);
    await removeClaims(effects, path);
  } catch (error) {
    explainWriteError(error, path);
  }
}

/** Stands for the holder of a lock file that cannot be read. */
const UNKNOWN_HOLDER: LockHolder = {
  pid: 0,
  startTime: "",
  bootId: "",
  host: "",
  hostName: "unknown",
  user: "unknown",
  command: "unknown",
  since: 0,
};

async function ownRecord(effects: LockEffects, command: string): Promise<LockRecord> {
  const { processes, host, clock, random } = effects;
  const self = await processes.identify(processes.self);
  return {
    token: random.bytes(8).toString("hex"),
    holder: {
      pid: processes.self,
      startTime: self?.startTime ?? "",
      bootId: await host.bootId(),
      host: await host.hostId(),
      hostName: host.hostName(),
      user: host.userName(),
      command,
      since: clock.now(),
    },
  };
}

async function create(effects: LockEffects, path: string, own: LockRecord): Promise<boolean> {
  try {
    await effects.files.createExclusive(path, encodeLock(own));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    // Where the place of the name is known but durability is not, the lock must not stay behind.
    await releaseRecord(effects, path, own).catch(() => undefined);
    return explainWriteError(error, path);
  }
}

async function readRecord(effects: LockEffects, path: string): Promise<LockRecord | "damaged" | undefined> {
  try {
    return decodeLock(await effects.files.readText(path)) ?? "damaged";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    return explainReadError(error);
  }
}

async function takeOver(
  effects: LockEffects,
  path: string,
  dead: LockRecord,
  own: LockRecord,
  options: LockOptions,
): Promise<boolean> {
  const { events: _, ...quiet } = options;
  // The claim may in turn belong to somebody who died while taking over.
  const claim = await acquireLock(effects, claimPath(path, dead.token), {
    ...quiet,
    timeoutMs: CLAIM_TIMEOUT_MS,
  });
  try {
    const now = await readRecord(effects, path);
    if (now === undefined || now === "damaged" || now.token !== dead.token) return false;
    await effects.files.write(path, encodeLock(own));
  } catch (error) {
    return explainWriteError(error, path);
  } finally {
    await claim.release();
  }
  // Claims of earlier dead holders; nobody can use them, as the lock they claim is gone.
  await removeClaims(effects, path);
  return true;
}

function claimPath(path: string, token: string): string {
  return `${path}.takeover-${token}`;
}

async function removeClaims(effects: LockEffects, path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await effects.files.list(folder)) {
    if (name.startsWith(`${basename(path)}.takeover-`)) await effects.files.remove(join(folder, name));
  }
}

function held(effects: LockEffects, path: string, own: LockRecord): HeldLock {
  return { holder: own.holder, release: () => releaseRecord(effects, path, own) };
}

async function releaseRecord(effects: LockEffects, path: string, own: LockRecord): Promise<void> {
  const now = await readRecord(effects, path);
  // After `state unlock` it may be another's by now.
  if (now !== undefined && now !== "damaged" && now.token === own.token) await effects.files.remove(path);
}

function refuse(path: string, other: LockRecord | "damaged", options: LockOptions): never {
  const code = options.code ?? "state/locked";
  if (other === "damaged") {
    fail({
      code,
      summary: `${options.what} is locked by a lock file that cannot be read`,
      detail: `${path} was damaged or is being written by another program.`,
      hint: `When no other vmlab is at work here, remove it with \`${options.unlock}\`.`,
    });
  }
  const { holder } = other;
  fail({
    code,
    summary: `${options.what} is locked by ${holderText(holder)}`,
    detail: `It is held since ${sinceText(holder)}${options.timeoutMs > 0 ? "; the wait for it is over" : ""}. Lock file: ${path}`,
    hint: `Wait for it with \`--lock-timeout 5m\`. If that command no longer runs, remove the lock with \`${options.unlock}\`.`,
  });
}
