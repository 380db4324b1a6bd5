/** Events on a terminal: a line for each running operation, redrawn in place, above it what is finished. */
import type { Event, OperationLabel, Progress } from "../../engine/events.ts";
import { formatDuration } from "../../engine/units.ts";
import type { LiveArea } from "../terminal.ts";
import { type EventLayout, eventLines } from "./event-lines.ts";
import { doing, progressBar, progressText } from "./operation-words.ts";
import { cutEnd, cutMiddle, pad, printable, textWidth } from "./text-width.ts";

interface Running {
  readonly operation: OperationLabel;
  since: number;
  /** It waits for its turn; what it is expected to take begins after that. */
  queued?: true;
  readonly estimateMs?: number;
  phase?: string;
  progress?: Progress;
  /** The last line that it printed. */
  said?: string;
}

/** More running operations than this are counted, not listed. */
const MOST_LINES = 12;
const BAR_WIDTH = 16;

/** Holds what runs. `draw` shows it; call it on a timer, so that the elapsed times move. */
export class LiveRun {
  readonly #area: LiveArea;
  readonly #layout: () => EventLayout;
  readonly #width: () => number;
  readonly #now: () => number;
  readonly #running = new Map<string, Running>();
  #total = 0;
  #ended = 0;

  constructor(options: {
    area: LiveArea;
    layout: () => EventLayout;
    width: () => number;
    now: () => number;
  }) {
    this.#area = options.area;
    this.#layout = options.layout;
    this.#width = options.width;
    this.#now = options.now;
  }

  take(event: Event): void {
    this.#follow(event);
    // A terminal shows what it says last; all of it is in the log.
    if (event.type === "operation-output") return;
    const lines = eventLines(event, this.#layout());
    if (lines.length > 0) this.#area.print(`${lines.join("\n")}\n`);
    if (lines.length > 0 || event.type === "operation-started") this.draw();
  }

  draw(): void {
    const running = [...this.#running.values()];
    const shown = running.slice(0, MOST_LINES).map((entry) => this.#line(entry));
    const more = running.length - shown.length;
    if (more > 0) shown.push(`… and ${more} more`);
    if (running.length > 0 && this.#total > 1) {
      shown.push(this.#layout().palette.faint(`${this.#ended} of ${this.#total} operations done`));
    }
    this.#area.show(shown);
  }

  close(): void {
    this.#area.close();
  }

  #follow(event: Event): void {
    switch (event.type) {
      case "run-started":
        this.#total = event.operations;
        this.#ended = 0;
        return;
      case "operation-started":
        this.#running.set(event.operation.id, {
          operation: event.operation,
          since: this.#now(),
          ...(event.estimateMs === undefined ? {} : { estimateMs: event.estimateMs }),
        });
        return;
      case "operation-progress": {
        const entry = this.#running.get(event.operation.id);
        if (entry === undefined) return;
        if (entry.queued === true && event.queued === undefined) {
          entry.since = this.#now();
          delete entry.queued;
        } else if (event.queued === true) entry.queued = true;
        if (entry.phase !== event.phase) delete entry.said;
        entry.phase = event.phase;
        if (event.progress === undefined) delete entry.progress;
        else entry.progress = event.progress;
        return;
      }
      case "operation-output": {
        const entry = this.#running.get(event.operation.id);
        if (entry !== undefined && event.line.trim() !== "") entry.said = printable(event.line.trim());
        return;
      }
      case "operation-finished":
      case "operation-failed":
      case "operation-skipped":
        this.#running.delete(event.operation.id);
        this.#ended += 1;
        return;
      default:
        return;
    }
  }

  #line(entry: Running): string {
    const { palette, addressWidth } = this.#layout();
    const elapsedMs = this.#now() - entry.since;
    const { progress, queued } = entry;
    const expected = progress?.etaMs === undefined && queued === undefined ? entry.estimateMs : undefined;
    const time = elapsed(elapsedMs, expected);
    const address = pad(cutMiddle(entry.operation.address, addressWidth), addressWidth);
    const bar = progress === undefined ? "" : progressBar(progress, BAR_WIDTH);
    const parts = [
      entry.phase ?? doing(entry.operation),
      bar,
      progress === undefined ? "" : progressText(progress),
      entry.said === undefined ? "" : `| ${entry.said}`,
    ];
    const room = this.#width() - textWidth(address) - 2 - textWidth(time) - 3;
    const middle = cutEnd(parts.filter((part) => part !== "").join("  "), Math.max(10, room));
    return `${address}  ${palette.hint(middle)}  ${palette.faint(time)}`;
  }
}

/** `12s of ~40s`, as long as the estimate holds. */
function elapsed(elapsedMs: number, estimateMs: number | undefined): string {
  const whole = Math.floor(elapsedMs / 1000) * 1000;
  const text = formatDuration(whole);
  return estimateMs === undefined || estimateMs < 1000 || estimateMs <= elapsedMs
    ? text
    : `${text} of ~${formatDuration(estimateMs)}`;
}
