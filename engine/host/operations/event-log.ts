/**
 * The events of an operation as NDJSON, one a line, with the time in milliseconds since the epoch. A file that has
 * grown to {@link ROTATE_BYTES} becomes the older one, whose predecessor is dropped: the end is what people look for.
 */
import type { Effects } from "../../effects.ts";
import type { Event, OperationLabel } from "../../events.ts";
import type { OperationPlaces } from "./places.ts";

const ROTATE_BYTES = 4 * 1024 ** 2;
const MOST_AT_ONCE = ROTATE_BYTES / 4;

export class EventLog {
  readonly #files: Effects["files"];
  readonly #places: Pick<OperationPlaces, "events" | "olderEvents">;
  /** Of running steps. */
  readonly #phases = new Map<string, string>();
  readonly #labels = new Map<string, string>();
  #waiting: string[] = [];
  #waitingLength = 0;
  #written = 0;

  constructor(files: Effects["files"], places: Pick<OperationPlaces, "events" | "olderEvents">) {
    this.#files = files;
    this.#places = places;
  }

  /** Characters that wait to be written. */
  get waiting(): number {
    return this.#waitingLength;
  }

  add(event: Event, now: number): void {
    const json = this.#json(event);
    if (json === undefined) return;
    const line = `{"time":${now},${json}\n`;
    this.#waiting.push(line);
    this.#waitingLength += line.length;
  }

  /** Writes what waits. Call it again only when it has resolved. */
  async flush(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    let text = "";
    for (const [index, line] of lines.entries()) {
      text += line;
      if (text.length < MOST_AT_ONCE && index < lines.length - 1) continue;
      await this.#append(text);
      text = "";
    }
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

  /**
   * An event without its opening brace; undefined when it says nothing new: bytes move many times a second, so of
   * progress only a new phase is kept. What makes up nearly all of a big run is put together by hand, with the label
   * turned into JSON once for each step: a hundred thousand events are written while ten thousand VMs are made.
   */
  #json(event: Event): string | undefined {
    switch (event.type) {
      case "operation-started": {
        const estimate = event.estimateMs === undefined ? "" : `,"estimateMs":${event.estimateMs}`;
        return `"type":"operation-started","operation":${this.#label(event.operation)}${estimate}}`;
      }
      case "operation-progress": {
        const { operation, phase, progress } = event;
        if (this.#phases.get(operation.id) === phase) return undefined;
        this.#phases.set(operation.id, phase);
        const how = progress === undefined ? "" : `,"progress":${JSON.stringify(progress)}`;
        return `"type":"operation-progress","operation":${this.#label(operation)},"phase":${JSON.stringify(phase)}${how}}`;
      }
      case "operation-finished": {
        const { operation, durationMs } = event;
        const label = this.#label(operation);
        this.#forget(operation);
        return `"type":"operation-finished","operation":${label},"durationMs":${durationMs}}`;
      }
      case "operation-failed":
        this.#forget(event.operation);
        return JSON.stringify(event).slice(1);
      default:
        return JSON.stringify(event).slice(1);
    }
  }

  #label(operation: OperationLabel): string {
    const known = this.#labels.get(operation.id);
    if (known !== undefined) return known;
    const made = JSON.stringify(operation);
    this.#labels.set(operation.id, made);
    return made;
  }

  #forget(operation: OperationLabel): void {
    this.#phases.delete(operation.id);
    this.#labels.delete(operation.id);
  }
}
