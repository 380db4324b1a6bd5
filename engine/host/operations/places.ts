/** Where operations keep what they keep: VMLAB_HOME/operations. */
import { join } from "node:path";
import type { Home } from "../../home.ts";

/** One folder for each operation, and `current`. */
export function operationsFolder(home: Home): string {
  return join(home.root, "operations");
}

/** What concerns the next command: a file for each operation under way, and one for each alert nobody has seen. */
export function currentFolder(home: Home): string {
  return join(operationsFolder(home), "current");
}

export interface OperationPlaces {
  readonly folder: string;
  readonly record: string;
  readonly events: string;
  /** The events before those; see {@link EventLog}. */
  readonly olderEvents: string;
  /** The plan that a detached process carries out; removed when it is done. */
  readonly plan: string;
  /** What a detached process printed. */
  readonly output: string;
  /** How far it is; there as long as it is under way. */
  readonly standing: string;
}

export function placesOf(home: Home, id: string): OperationPlaces {
  // An id from a command line ends up in a path.
  if (!isOperationId(id)) throw new Error(`not an operation: ${id}`);
  const folder = join(operationsFolder(home), id);
  return {
    folder,
    record: join(folder, "operation.json"),
    events: join(folder, "events.ndjson"),
    olderEvents: join(folder, "events.1.ndjson"),
    plan: join(folder, "plan.json"),
    output: join(folder, "output.log"),
    standing: join(currentFolder(home), `${id}.json`),
  };
}

export function isOperationId(text: string): boolean {
  return /^op-[0-9a-f]{6}$/.test(text);
}
