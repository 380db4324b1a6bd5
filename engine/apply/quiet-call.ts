/** Provider calls of recovery and taking back: nothing interrupts them, and what they report is told otherwise. */
import type { CallContext } from "../../providers/provider.ts";
import type { Run } from "./run.ts";

export function quietCall(): CallContext {
  return { signal: new AbortController().signal, progress: () => undefined, output: () => undefined };
}

export function forceStop(run: Run, instance: string): Promise<void> {
  return run.providers.vm.stop(instance, { timeoutMs: 0, force: true }, quietCall());
}
