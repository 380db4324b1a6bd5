/** What a provider's call is handed by an operation: its signal, and events for what it tells. */
import type { CallContext } from "../providers/provider.ts";
import type { EventSink, OperationLabel } from "./events.ts";

export function operationContext(
  events: EventSink,
  operation: OperationLabel,
  signal: AbortSignal,
): CallContext {
  return {
    signal,
    progress: (phase, progress, state) =>
      events({
        type: "operation-progress",
        operation,
        phase,
        ...(progress === undefined ? {} : { progress }),
        ...(state === undefined ? {} : { queued: true }),
      }),
    output: (line) => events({ type: "operation-output", operation, line }),
  };
}
