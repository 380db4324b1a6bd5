/** How long an operation waits for its turn: no part of what one like it takes, so not of the next estimate either. */
import type { CallContext } from "../../providers/provider.ts";

export class TurnWait {
  readonly #now: () => number;
  #since: number | undefined;
  #waitedMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The context with what is told through it seen here as well. */
  watching(context: CallContext): CallContext {
    return {
      ...context,
      progress: (phase, progress, state) => {
        const now = this.#now();
        if (this.#since !== undefined) this.#waitedMs += now - this.#since;
        this.#since = state === "queued" ? now : undefined;
        context.progress(phase, progress, state);
      },
    };
  }

  /** Milliseconds. */
  get waitedMs(): number {
    return this.#since === undefined ? this.#waitedMs : this.#waitedMs + this.#now() - this.#since;
  }
}
