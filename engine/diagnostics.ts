/**
 * Expected problems as data. A diagnostic says what is wrong, where, why, and what to do; formatting it is the
 * command line's work. Exceptions other than {@link DiagnosticsError} are bugs.
 */

/** A place in a file. Lines and columns count from 1; the end is exclusive. */
export interface Range {
  /** Path of the file as the user would name it (relative to the lab's folder where it lies inside). */
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One expected problem. */
export interface Diagnostic {
  /** Stable code, such as `config/unknown-key`; docs/troubleshooting lists each. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** One line: what is wrong, without a full stop. */
  readonly summary: string;
  /** Why, with the evidence; may have several lines. */
  readonly detail?: string;
  /** Where the user wrote what is wrong. */
  readonly range?: Range;
  /** Other places that belong to the problem, such as the first of two equal names. */
  readonly related?: readonly RelatedPlace[];
  /** What to do about it. */
  readonly hint?: string;
  /** The resource the problem is about. */
  readonly address?: string;
}

export interface RelatedPlace {
  readonly message: string;
  readonly range: Range;
}

/** Carries diagnostics through code that cannot go on. */
export class DiagnosticsError extends Error {
  override readonly name = "DiagnosticsError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(diagnostics.map((d) => `${d.code}: ${d.summary}`).join("\n"), options);
    this.diagnostics = diagnostics;
  }
}

/** What `fail` takes: a diagnostic of severity error. */
export type Problem = Omit<Diagnostic, "severity">;

/** Throws one error diagnostic. The original error, if any, is kept as `cause`. */
export function fail(problem: Problem, cause?: unknown): never {
  throw new DiagnosticsError([{ severity: "error", ...problem }], { cause });
}

/** An error diagnostic. */
export function problem(fields: Problem): Diagnostic {
  return { severity: "error", ...fields };
}

/** A warning diagnostic. */
export function warning(fields: Problem): Diagnostic {
  return { severity: "warning", ...fields };
}

/** True for errors that carry diagnostics, also across realms and bundles. */
export function isDiagnosticsError(error: unknown): error is DiagnosticsError {
  return (
    typeof error === "object" && error !== null && (error as { name?: unknown }).name === "DiagnosticsError"
  );
}

/** The `code` of a system error (`ENOENT`, …), or undefined. Works across realms, where `instanceof` does not. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}
