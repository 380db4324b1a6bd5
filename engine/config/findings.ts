/**
 * Problems found in the configuration, each with the place as a path of keys. Turning paths into lines and columns
 * parses the file a second time, so it happens once, at the end, and only when there is something to show.
 */
import type { Diagnostic, Range } from "../diagnostics.ts";
import type { Origin, Spot } from "./types.ts";

export interface Finding extends Omit<Diagnostic, "severity" | "range" | "related"> {
  readonly severity?: "error" | "warning";
  readonly origin?: Origin;
  readonly spot?: Spot;
  readonly related?: readonly { readonly message: string; readonly origin: Origin; readonly spot?: Spot }[];
}

export type Locate = (origin: Origin, spot?: Spot) => Range | undefined;

/** The findings as diagnostics with ranges, equal ones (a template used by many VMs) once. In the order of the file. */
export function toDiagnostics(findings: readonly Finding[], locate: Locate): Diagnostic[] {
  const diagnostics = new Map<string, Diagnostic>();
  for (const finding of findings) {
    const { origin, spot, related, severity, ...rest } = finding;
    // A mistake in a module is the same however often the module is used.
    const identity = JSON.stringify([rest.code, rest.summary, origin?.file, origin?.path, spot]);
    if (diagnostics.has(identity)) continue;
    const range = origin === undefined ? undefined : locate(origin, spot);
    const places = [];
    for (const other of related ?? []) {
      const place = locate(other.origin, other.spot);
      if (place !== undefined) places.push({ message: other.message, range: place });
    }
    const use = origin?.usedBy;
    const usePlace = use === undefined ? undefined : locate(use.origin, { part: "key" });
    if (use !== undefined && usePlace !== undefined)
      places.push({ message: `used as environment.${use.environment} here`, range: usePlace });
    diagnostics.set(identity, {
      severity: severity ?? "error",
      ...rest,
      ...(range === undefined ? {} : { range }),
      ...(places.length === 0 ? {} : { related: places }),
    });
  }
  return [...diagnostics.values()].sort(byPlace);
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  if (a.range === undefined || b.range === undefined) return 0;
  if (a.range.file !== b.range.file) return 0;
  return a.range.start.line - b.range.start.line || a.range.start.column - b.range.start.column;
}
