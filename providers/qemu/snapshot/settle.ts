/** Several machines at the same time. */
import { type Diagnostic, DiagnosticsError, isDiagnosticsError } from "../../../engine/diagnostics.ts";

/** Waits for the last, then fails with all that failed. */
export async function settle<T>(items: readonly T[], step: (item: T) => Promise<unknown>): Promise<void> {
  failWith(await Promise.allSettled(items.map(step)));
}

export function failWith(results: readonly PromiseSettledResult<unknown>[]): void {
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  if (errors.length === 0) return;
  const bug = errors.find((error) => !isDiagnosticsError(error));
  if (bug !== undefined) throw bug;
  throw new DiagnosticsError(
    errors.flatMap((error): readonly Diagnostic[] => (isDiagnosticsError(error) ? error.diagnostics : [])),
  );
}
