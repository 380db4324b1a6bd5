import type { Clock } from "../../engine/effects.ts";

/** 2026-01-01T12:00Z, when a test clock starts. */
export const NOON = Date.UTC(2026, 0, 1, 12);

/** Time that passes only when a test says so. */
export class TestClock implements Clock {
  #now = NOON;
  #sleepers: { due: number; wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      this.#sleepers.push({ due: this.#now + ms, wake });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Wakes every sleeper in its time; what it does until its next sleep is done before the next wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#sleepers.sort((a, b) => a.due - b.due)[0];
      if (next === undefined || next.due > end) break;
      this.#sleepers.shift();
      this.#now = Math.max(this.#now, next.due);
      next.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
  }
}
