/** Standard error as NDJSON (`--log-format json`): one object a line, with `time`, `level` and `type` in each. */
import type { Diagnostic } from "../engine/diagnostics.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

/**
 * The terminal with standard error for programs: what has fields of its own is written through `record`, any other text as
 * a note. Nobody is asked anything, and nothing is drawn over and over.
 */
export function jsonErrors(terminal: Terminal, now: () => number): Terminal {
  const record = (fields: object): void => {
    terminal.error.write(`${JSON.stringify({ time: new Date(now()).toISOString(), ...fields })}\n`);
  };
  const error: OutputStream = {
    write: (text) => {
      const note = text.toString().trim();
      if (note !== "") record({ level: "info", type: "note", text: note.replace(/^Note: /, "") });
    },
    isTTY: false,
    columns: undefined,
    colour: false,
    record,
  };
  return { ...withoutLiveArea(terminal), error, interactive: false };
}

/** The terminal with lines that stay in place of an area that is drawn over: what else is written goes between them. */
export function withoutLiveArea(terminal: Terminal): Terminal {
  const { out, error, interactive, cwd } = terminal;
  return {
    out,
    error,
    interactive,
    cwd,
    ask: (question) => terminal.ask(question),
    onSignal: (listener) => terminal.onSignal(listener),
    every: (ms, listener) => terminal.every(ms, listener),
    liveArea: async () => undefined,
    screen: () => terminal.screen(),
    rawInput: (onData) => terminal.rawInput(onData),
    input: (signal) => terminal.input(signal),
    abandon: (code) => terminal.abandon(code),
  };
}

/** A diagnostic with the field names that it has everywhere; what it does not say is null. */
export function diagnosticRecord({
  code,
  severity,
  summary,
  detail,
  hint,
  address,
  range,
}: Diagnostic): object {
  return {
    level: severity,
    type: "diagnostic",
    code,
    summary,
    detail: detail ?? null,
    hint: hint ?? null,
    address: address ?? null,
    range: range ?? null,
  };
}
