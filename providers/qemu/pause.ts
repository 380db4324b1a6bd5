/** Makes a guest stand still, with its memory where it is. */
import { errorText, fail } from "../../engine/diagnostics.ts";
import type { CallContext } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { withQmp } from "./qmp.ts";
import { requireRunning } from "./ready.ts";

/** A busy host may hold QEMU's main loop up for a while. */
const ANSWER_MS = 30_000;

export async function pauseVm(context: QemuContext, id: string, call: CallContext): Promise<void> {
  const { folder, vm } = await requireRunning(context, id);
  try {
    await withQmp(
      context.effects,
      folder.qmpSocket,
      { signal: call.signal, timeoutMs: ANSWER_MS },
      async (qmp) => await qmp.execute("stop"),
    );
  } catch (error) {
    call.signal.throwIfAborted();
    fail(
      {
        code: "qemu/cannot-pause",
        address: `vm.${vm.name}`,
        summary: `QEMU did not pause ${vm.name}`,
        detail: errorText(error),
        hint: `\`vmlab list\` shows whether it runs, \`vmlab logs ${vm.name}\` its console.`,
      },
      error,
    );
  }
}
