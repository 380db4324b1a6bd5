/** The clock of a guest that was away for a while. */
import { errorText } from "../../../engine/diagnostics.ts";
import type { CallContext } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { asRoot, runInGuest } from "../guest-shell.ts";
import { requireRunning, stretched } from "../ready.ts";

const SET_MS = 20_000;

/** By the host's time. A guest that cannot be told goes on all the same, and is told of. */
export async function setGuestClock(context: QemuContext, id: string, call: CallContext): Promise<void> {
  const { effects } = context;
  call.progress("setting the guest's clock");
  try {
    const { access, runtime } = await requireRunning(context, id);
    // Read as late as possible: a login takes its time.
    const { code, stderr } = await runInGuest(effects, access, {
      command: asRoot(access.user, 'read -r now && date -u -s "@$now" >/dev/null'),
      input: `${Math.round(effects.clock.now() / 1000)}\n`,
      timeoutMs: stretched(runtime, SET_MS),
      signal: call.signal,
    });
    if (code !== 0) call.output(`its clock could not be set: ${stderr.trim() || "no answer"}`);
  } catch (error) {
    call.signal.throwIfAborted();
    call.output(`its clock could not be set: ${errorText(error)}`);
  }
}
