/** Events in a pipe: one line for each thing that happens, a phase only when it is a new one. */
import type { Event } from "../../engine/events.ts";
import { type EventLayout, eventLines } from "./event-lines.ts";
import { doing } from "./operation-words.ts";
import { pad } from "./text-width.ts";

export class PlainRun {
  readonly #write: (text: string) => void;
  readonly #layout: () => EventLayout;
  readonly #phases = new Map<string, string>();

  constructor(options: { write: (text: string) => void; layout: () => EventLayout }) {
    this.#write = options.write;
    this.#layout = options.layout;
  }

  take(event: Event): void {
    const lines = this.#lines(event);
    if (lines.length > 0) this.#write(`${lines.join("\n")}\n`);
  }

  #lines(event: Event): string[] {
    const layout = this.#layout();
    if (event.type === "operation-started") {
      return [`${pad(event.operation.address, layout.addressWidth)}  ${doing(event.operation)}`];
    }
    if (event.type === "operation-progress") {
      const { id, address } = event.operation;
      if (this.#phases.get(id) === event.phase) return [];
      this.#phases.set(id, event.phase);
      return [`${pad(address, layout.addressWidth)}  ${event.phase}`];
    }
    return eventLines(event, layout);
  }
}
