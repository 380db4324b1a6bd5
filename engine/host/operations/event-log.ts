/**
 * The events of an operation as NDJSON, one a line, with the time in milliseconds since the epoch. A file that has
 * grown to {@link ROTATE_BYTES} becomes the older one, whose predecessor is dropped: the end is what people look for.
 */
import type { Effects } from "../../effects.ts";
import type { Event } from "../../events.ts";
import type { OperationPlaces } from "./places.ts";

const ROTATE_BYTES = 4 * 1024 ** 2;
const MOST_AT_ONCE = ROTATE_BYTES / 4;

interface Waiting {
  readonly event: Event;
  readonly time: number;
}

export class EventLog {
  readonly #files: Effects["files"];
  readonly #places: Pick<OperationPlaces, "events" | "olderEvents">;
  readonly #brief: boolean;
  readonly #phases = new Map<string, string>();
  #waiting: Waiting[] = [];
  #written = 0;

  /**
   * `brief`: of a step that begins and ends well between two flushes only the end is kept. For runs of thousands of
   * steps, where nobody reads that each was begun a moment before.
   */
  constructor(
    files: Effects["files"],
    places: Pick<OperationPlaces, "events" | "olderEvents">,
    options: { readonly brief: boolean } = { brief: false },
  ) {
    this.#files = files;
    this.#places = places;
    this.#brief = options.brief;
  }

  /** Events that wait to be written. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(event: Event, time: number): void {
    if (!this.#saysNothingNew(event)) this.#waiting.push({ event, time });
  }

  /** Writes what waits. Call it again only when it has resolved. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const over = this.#brief ? endedWell(waiting) : NOTHING;
    let text = "";
    for (const { event, time } of waiting) {
      const told =
        (event.type === "operation-started" || event.type === "operation-progress") &&
        over.has(event.operation.id);
      if (told) continue;
      // Cheaper than a copy with the time in it.
      text += `{"time":${time},${JSON.stringify(event).slice(1)}\n`;
      if (text.length < MOST_AT_ONCE) continue;
      await this.#append(text);
      text = "";
    }
    if (text !== "") await this.#append(text);
  }

  async #append(text: string): Promise<void> {
    const length = Buffer.byteLength(text);
    if (this.#written > 0 && this.#written + length > ROTATE_BYTES) {
      await this.#files.rename(this.#places.events, this.#places.olderEvents);
      this.#written = 0;
    }
    await this.#files.append(this.#places.events, text);
    this.#written += length;
  }

  /** Bytes move many times a second: of progress only a new phase is kept. */
  #saysNothingNew(event: Event): boolean {
    switch (event.type) {
      case "operation-progress": {
        const { id } = event.operation;
        if (this.#phases.get(id) === event.phase) return true;
        this.#phases.set(id, event.phase);
        return false;
      }
      case "operation-finished":
      case "operation-failed":
        this.#phases.delete(event.operation.id);
        return false;
      default:
        return false;
    }
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** Steps whose beginning and good end are both among these. */
function endedWell(waiting: readonly Waiting[]): ReadonlySet<string> {
  const begun = new Set<string>();
  const ended = new Set<string>();
  for (const { event } of waiting) {
    if (event.type === "operation-started") begun.add(event.operation.id);
    else if (event.type === "operation-finished" && begun.has(event.operation.id))
      ended.add(event.operation.id);
  }
  return ended;
}
