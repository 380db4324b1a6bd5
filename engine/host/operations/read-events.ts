/** The recorded events of an operation, from the beginning and then as they come. */
import type { Effects, FileStat } from "../../effects.ts";
import type { Event } from "../../events.ts";
import { isJsonObject } from "../../json.ts";
import type { OperationPlaces } from "./places.ts";

export interface RecordedEvent {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly event: Event;
}

export class EventReader {
  readonly #files: Pick<Effects["files"], "stat" | "readPart">;
  readonly #places: Pick<OperationPlaces, "events" | "olderEvents">;
  #inode: number | undefined;
  #position = 0;
  #partial = Buffer.alloc(0);

  constructor(
    files: Pick<Effects["files"], "stat" | "readPart">,
    places: Pick<OperationPlaces, "events" | "olderEvents">,
  ) {
    this.#files = files;
    this.#places = places;
  }

  /** What came since the last call; at first everything that is kept. A line that is being written comes next time. */
  async next(): Promise<RecordedEvent[]> {
    const { events, olderEvents } = this.#places;
    const [now, older] = await Promise.all([this.#files.stat(events), this.#files.stat(olderEvents)]);
    const found: RecordedEvent[] = [];
    // At first, and when the file was put aside since: the rest of the older one comes before the new one.
    if (older !== undefined && (this.#inode === undefined || this.#inode === older.inode))
      found.push(...(await this.#read(olderEvents, older)));
    if (now !== undefined) found.push(...(await this.#read(events, now)));
    return found;
  }

  async #read(path: string, stat: FileStat): Promise<RecordedEvent[]> {
    if (stat.inode !== this.#inode) {
      this.#inode = stat.inode;
      this.#position = 0;
      this.#partial = Buffer.alloc(0);
    }
    if (stat.size <= this.#position) return [];
    const bytes = await this.#files.readPart(path, this.#position, stat.size - this.#position);
    this.#position += bytes.length;
    const whole = Buffer.concat([this.#partial, bytes]);
    const end = whole.lastIndexOf(0x0a) + 1;
    this.#partial = whole.subarray(end);
    return whole.subarray(0, end).toString("utf8").split("\n").flatMap(parseLine);
  }
}

const TYPES: ReadonlySet<string> = new Set<Event["type"]>([
  "run-started",
  "operation-started",
  "operation-progress",
  "operation-output",
  "operation-finished",
  "operation-failed",
  "operation-skipped",
  "rolled-back",
  "recovered",
  "interrupted",
  "lock-waiting",
  "note",
  "diagnostic",
  "run-finished",
]);

/** Nothing for a line that is damaged, or that a newer vmlab wrote. */
function parseLine(line: string): RecordedEvent[] {
  if (line === "") return [];
  try {
    const value: unknown = JSON.parse(line);
    if (!isJsonObject(value)) return [];
    const { time, ...event } = value;
    if (typeof time !== "number" || typeof event.type !== "string" || !TYPES.has(event.type)) return [];
    return [{ time, event: event as unknown as Event }];
  } catch {
    return [];
  }
}
