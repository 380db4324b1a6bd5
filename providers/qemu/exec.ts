/** Runs commands in a guest for the user, and opens its serial console. */
import { fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { Connection, OpenProcess } from "../../engine/effects.ts";
import type { CallContext, ExecResult } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { asRoot, runInGuest } from "./guest-shell.ts";
import { openInGuest } from "./open-guest.ts";
import { requireRunning } from "./ready.ts";

/** The command is handed to the guest's shell, as ssh does. ssh's own failures end with code 255. */
export async function execInVm(
  context: QemuContext,
  id: string,
  command: string,
  options: { readonly asRoot?: boolean; readonly input?: string | Buffer; readonly timeoutMs?: number },
  call: CallContext,
): Promise<ExecResult> {
  const { access } = await requireRunning(context, id);
  const { code, stdout, stderr } = await runInGuest(context.effects, access, {
    command: options.asRoot === true ? asRoot(access.user, command) : command,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    signal: call.signal,
    onLine: call.output,
  });
  return { code, stdout, stderr };
}

/** As {@link execInVm}, with the streams in the caller's hands. */
export async function openInVm(
  context: QemuContext,
  id: string,
  command: string,
  options: { readonly asRoot?: boolean; readonly onStderr?: (data: Buffer) => void },
  signal: AbortSignal,
): Promise<OpenProcess> {
  const { access } = await requireRunning(context, id);
  const words = options.asRoot === true ? asRoot(access.user, command) : command;
  return await openInGuest(context.effects, access, words, options, signal);
}

/** QEMU serves one console client at a time; a second one waits without a word. */
export async function openVmConsole(
  context: QemuContext,
  id: string,
  signal?: AbortSignal,
): Promise<Connection> {
  const { folder, vm } = await requireRunning(context, id);
  try {
    return await context.effects.network.connect(
      { path: folder.consoleSocket },
      { timeoutMs: 5_000, ...(signal === undefined ? {} : { signal }) },
    );
  } catch (error) {
    signal?.throwIfAborted();
    return fail(
      {
        code: "qemu/no-console",
        address: `vm.${vm.name}`,
        summary: `the serial console of ${vm.name} cannot be opened`,
        detail: `${folder.consoleSocket}: ${systemErrorCode(error) ?? "no answer"}`,
        hint: `Its recording can be read: vmlab logs ${vm.name}`,
      },
      error,
    );
  }
}
