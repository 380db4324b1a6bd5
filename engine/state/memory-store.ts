import { fail } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { EventSink } from "../events.ts";
import { holderText, sinceText } from "./lock-record.ts";
import { applyEntry, draftOf, type StateDraft } from "./replay.ts";
import type { HistoryEntry, LockedStore, StateStore } from "./store.ts";
import type { JournalEntry, LockHolder, State } from "./types.ts";

const POLL_MS = 10;
const KEPT = 50;

interface Kept {
  readonly state: State;
  readonly savedAt: number;
}

interface Current extends Kept {
  /** The snapshot with everything appended since. */
  readonly draft: StateDraft;
  sequence: number;
}

/** A state that lives as long as the process; for tests and for plans that nobody keeps. */
export class MemoryStore implements StateStore {
  readonly #effects: Pick<Effects, "clock" | "host" | "processes">;
  readonly #tool: string;
  #current: Current | undefined;
  #history: Kept[] = [];
  #holder: LockHolder | undefined;
  #texts: ReadonlyMap<string, string> = new Map();

  constructor(options: { effects: Pick<Effects, "clock" | "host" | "processes">; tool: string }) {
    this.#effects = options.effects;
    this.#tool = options.tool;
  }

  async read(): Promise<State | undefined> {
    const current = this.#current;
    if (current === undefined) return undefined;
    // A copy: what the caller holds must not change under it.
    const state = { ...current.state, ...draftOf(current.draft), journalSequence: current.sequence };
    return structuredClone(state);
  }

  async lock(
    command: string,
    options: { timeoutMs: number; events?: EventSink; signal?: AbortSignal },
  ): Promise<LockedStore> {
    const { clock } = this.#effects;
    const deadline = clock.now() + options.timeoutMs;
    const own = await this.#ownHolder(command);
    let announced: LockHolder | undefined;
    for (;;) {
      options.signal?.throwIfAborted();
      const other = this.#holder;
      if (other === undefined) break;
      const left = deadline - clock.now();
      if (left <= 0) refuse(other);
      if (announced !== other) {
        options.events?.({ type: "lock-waiting", holder: holderText(other), since: other.since });
        announced = other;
      }
      await clock.sleep(Math.min(POLL_MS, left), options.signal);
    }
    this.#holder = own;
    return this.#lockedBy(own);
  }

  async lockHolder(): Promise<{ holder: LockHolder; alive: boolean | undefined } | undefined> {
    return this.#holder === undefined ? undefined : { holder: this.#holder, alive: true };
  }

  async breakLock(): Promise<void> {
    this.#holder = undefined;
  }

  async history(): Promise<readonly HistoryEntry[]> {
    return this.#history.map(({ state, savedAt }) => ({
      serial: state.serial,
      savedAt,
      resources: Object.keys(state.resources).length,
    }));
  }

  async readHistory(serial: number): Promise<State> {
    const found = this.#history.find(({ state }) => state.serial === serial);
    if (found !== undefined) return structuredClone(found.state);
    return fail({
      code: "state/no-such-serial",
      summary: `No state #${serial} is kept`,
      hint: "`vmlab state history` lists all of them.",
    });
  }

  async readText(sha256: string): Promise<string | undefined> {
    return this.#texts.get(sha256);
  }

  async #ownHolder(command: string): Promise<LockHolder> {
    const { processes, host, clock } = this.#effects;
    return {
      pid: processes.self,
      startTime: (await processes.identify(processes.self))?.startTime ?? "",
      bootId: await host.bootId(),
      host: await host.hostId(),
      hostName: host.hostName(),
      user: host.userName(),
      command,
      since: clock.now(),
    };
  }

  #lockedBy(holder: LockHolder): LockedStore {
    return {
      read: () => this.read(),
      initialise: async (state) => {
        if (this.#current !== undefined) throw new Error("there is a state already");
        const newest = this.#history[0]?.state.serial ?? -1;
        this.#set({ ...state, serial: Math.max(state.serial, newest + 1) });
      },
      append: async (entries) => this.#append(entries),
      checkpoint: async (state) => {
        const { lineage } = this.#required().state;
        if (state.lineage !== lineage)
          throw new Error(`a snapshot of ${state.lineage} cannot follow ${lineage}`);
        return this.#follow(state);
      },
      replace: async (state) => this.#follow({ ...state, host: await this.#effects.host.hostId() }),
      keepTexts: async (texts) => {
        const kept = new Map<string, string>();
        for (const [hash, read] of texts) {
          const text = this.#texts.get(hash) ?? (await read());
          if (text !== undefined) kept.set(hash, text);
        }
        this.#texts = kept;
      },
      clear: async () => {
        this.#texts = new Map();
        const state = await this.read();
        if (state !== undefined) {
          const folded = this.#current?.sequence !== this.#current?.state.journalSequence;
          if (folded) this.#follow(state);
          this.#keep();
        }
        this.#current = undefined;
      },
      release: async () => {
        if (this.#holder === holder) this.#holder = undefined;
      },
    };
  }

  #append(entries: readonly JournalEntry[]): void {
    const current = this.#required();
    for (const entry of structuredClone(entries)) applyEntry(current.draft, entry);
    current.sequence += entries.length;
  }

  #follow(state: State): State {
    const serial = Math.max(this.#current?.state.serial ?? state.serial, this.#history[0]?.state.serial ?? 0);
    const next: State = {
      ...state,
      serial: serial + 1,
      tool: this.#tool,
      journalSequence: this.#current?.sequence ?? 0,
    };
    this.#keep();
    this.#set(next);
    return next;
  }

  #keep(): void {
    if (this.#current === undefined) return;
    const { state, savedAt } = this.#current;
    this.#history = [{ state, savedAt }, ...this.#history].slice(0, KEPT);
  }

  #set(state: State): void {
    const own = structuredClone(state);
    this.#current = {
      state: own,
      draft: draftOf(own),
      sequence: own.journalSequence,
      savedAt: this.#effects.clock.now(),
    };
  }

  #required(): Current {
    if (this.#current !== undefined) return this.#current;
    return fail({ code: "state/missing", summary: "The lab has no state" });
  }
}

function refuse(other: LockHolder): never {
  fail({
    code: "state/locked",
    summary: `The state of this lab is locked by ${holderText(other)}`,
    detail: `It is held since ${sinceText(other)}.`,
    hint: "Wait for it with `--lock-timeout 5m`.",
  });
}
