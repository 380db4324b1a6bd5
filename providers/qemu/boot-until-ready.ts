/** Getting ready, with another boot where an emulated guest met a timer that a busy host held up. */
import { isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { CallContext, VmSpec } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { passStages } from "./ready.ts";
import { startVm } from "./start.ts";
import { stopVm } from "./stop.ts";

/** Said by a kernel that counted too few ticks (Linux: arch/x86/kernel/apic/io_apic.c). */
const TIMER_PANIC = "IO-APIC + timer doesn't work";
const MOST_BOOTS = 3;

/** Waits until the VM is ready. Chance, not the image, makes that panic: the next boot mostly passes. */
export async function vmReady(context: QemuContext, spec: VmSpec, call: CallContext): Promise<JsonObject> {
  for (let boot = 1; ; boot += 1) {
    try {
      return await passStages(context, spec, call);
    } catch (error) {
      if (boot === MOST_BOOTS || !isTimerPanic(error)) throw error;
    }
    call.output("the guest's kernel found the emulated timer too slow; booting once more");
    // Nothing was mounted yet, so that nothing can be lost.
    await stopVm(context, spec.id, { timeoutMs: 0, force: true }, call);
    await startVm(context, spec, call);
  }
}

function isTimerPanic(error: unknown): boolean {
  return isDiagnosticsError(error) && error.diagnostics.some(({ summary }) => summary.includes(TIMER_PANIC));
}
