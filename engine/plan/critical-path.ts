/** How long a list of operations takes at best: along its longest chain. */
import type { Operation } from "./types.ts";

/** Milliseconds; undefined when no operation has an estimate. Operations come in dependency order. */
export function criticalPath(operations: readonly Operation[]): number | undefined {
  if (!operations.some((operation) => operation.estimateMs !== undefined)) return undefined;
  const end = new Map<string, number>();
  let longest = 0;
  for (const operation of operations) {
    const start = Math.max(0, ...operation.needs.map((id) => end.get(id) ?? 0));
    const finish = start + (operation.estimateMs ?? 0);
    end.set(operation.id, finish);
    longest = Math.max(longest, finish);
  }
  return longest;
}
