/** The last stop of every error: what the user did wrong, what the host refused, and what is vmlab's own fault. */
import {
  type Diagnostic,
  errorText,
  isDiagnosticsError,
  problem,
  systemErrorCode,
} from "../engine/diagnostics.ts";
import type { CommandContext } from "./context.ts";
import { showDiagnostics } from "./show-diagnostics.ts";

/** Prints an error to standard error and gives the exit code for it. */
export async function reportProblem(error: unknown, context: CommandContext): Promise<number> {
  if (isInterruption(error)) context.terminal.error.write("Interrupted.\n");
  else await showDiagnostics(diagnosticsOf(error, context), context);
  return 1;
}

/** Anything thrown, as diagnostics. */
export function diagnosticsOf(error: unknown, context: CommandContext): readonly Diagnostic[] {
  return isDiagnosticsError(error) ? error.diagnostics : [systemProblem(error) ?? bug(error, context)];
}

function isInterruption(error: unknown): boolean {
  const name = typeof error === "object" && error !== null ? (error as { name?: unknown }).name : undefined;
  return name === "AbortError";
}

const SYSTEM_ERRORS: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  ENOSPC: {
    what: "the disk is full",
    hint: "Free some space, then run the command again: it goes on where it stopped.",
  },
  EDQUOT: { what: "the disk quota is used up", hint: "Free some space, then run the command again." },
  EROFS: {
    what: "the file system is read-only",
    hint: "Work in a folder that can be written, or mount it read-write.",
  },
  EACCES: { what: "no permission", hint: "Check who owns the file and its folder." },
  EPERM: { what: "not permitted", hint: "Check who owns the file and its folder." },
  EISDIR: { what: "a folder is where a file should be", hint: "Move the folder away." },
  EMFILE: { what: "too many open files", hint: "Raise the limit (ulimit -n), or lower --parallelism." },
  EIO: { what: "the disk reports an input/output error", hint: "Check the disk: dmesg names the device." },
};

/** Errors of the system that nobody gave a better name. */
function systemProblem(error: unknown): Diagnostic | undefined {
  const code = systemErrorCode(error);
  const known = code === undefined ? undefined : SYSTEM_ERRORS[code];
  if (code === undefined || known === undefined) return undefined;
  const path = (error as { path?: unknown }).path;
  return problem({
    code: "host/system-error",
    summary: typeof path === "string" ? `${known.what}: ${path}` : known.what,
    detail: errorText(error),
    hint: known.hint,
  });
}

function bug(error: unknown, context: CommandContext): Diagnostic {
  const debug = context.effects.host.env.VMLAB_DEBUG;
  const stack =
    typeof error === "object" && error !== null ? String((error as { stack?: unknown }).stack ?? "") : "";
  const shown = debug !== undefined && debug !== "" && stack !== "";
  return problem({
    code: "internal/bug",
    summary: "vmlab failed in a way that it should not",
    detail: shown ? stack : errorText(error),
    hint: shown
      ? "This is a bug in vmlab. The next command finishes or undoes what was under way."
      : "This is a bug in vmlab. Run the command again with VMLAB_DEBUG=1 to see where it happened.",
  });
}
