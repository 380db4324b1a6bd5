/** Watches a machine while something waits for its guest: a guest that is gone is not waited for. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { consoleText } from "./console-log.ts";
import { machineEvidence } from "./evidence.ts";
import { readMachineLog } from "./machine-log.ts";
import { isAlive, type MachineProcess } from "./machine-process.ts";
import type { Runtime, VmFolder, VmRecord } from "./vm-folder.ts";

const EVERY_MS = 1_000;

/** What is watched. */
export interface WatchedMachine {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  readonly runtime: Runtime;
  readonly machine: MachineProcess;
}

/** Why a guest will not answer any more. */
type Trouble =
  | { readonly kind: "ended" | "paused" | "panicked"; readonly why: string }
  | { readonly kind: "disk-full" };

/**
 * Runs `work` with a signal that aborts when the machine ends, is paused, or its kernel panics; then fails with a
 * diagnostic that shows the evidence. The caller's own signal aborts it too. `phase` says what was going on.
 */
export async function whileMachineRuns<T>(
  effects: Effects,
  watched: WatchedMachine,
  phase: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // An earlier panic that the guest rebooted from is over.
  const consoleFrom = (await effects.files.stat(watched.folder.consoleLog))?.size ?? 0;
  const stop = new AbortController();
  const inner = new AbortController();
  let trouble: Trouble | undefined;
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const found = await troubleOf(effects, watched, consoleFrom);
      if (found !== undefined && !stop.signal.aborted) {
        trouble = found;
        inner.abort();
        return;
      }
      await effects.clock.sleep(EVERY_MS, stop.signal).catch(() => undefined);
    }
  };
  const watching = watch();
  try {
    return await work(AbortSignal.any([signal, inner.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (trouble !== undefined) await report(effects, watched, phase, trouble);
    throw error;
  } finally {
    stop.abort();
    await watching;
  }
}

async function troubleOf(
  effects: Effects,
  { folder, machine }: WatchedMachine,
  consoleFrom: number,
): Promise<Trouble | undefined> {
  const log = await readMachineLog(effects, folder);
  if (!(await isAlive(effects, folder, machine))) {
    const { end } = await readMachineLog(effects, folder);
    if (end === "guest-shutdown") return { kind: "ended", why: "its guest powered off" };
    return { kind: "ended", why: end === "quit" ? "it was stopped" : "its QEMU process died" };
  }
  if (log.paused === "io-error") return { kind: "disk-full" };
  if (log.paused !== undefined) return { kind: "paused", why: log.paused };
  const panic = /Kernel panic - not syncing[^\n]*/.exec(await consoleText(effects, folder, consoleFrom));
  return panic === null ? undefined : { kind: "panicked", why: panic[0] };
}

async function report(
  effects: Effects,
  { vm, folder, runtime }: WatchedMachine,
  phase: string,
  trouble: Trouble,
): Promise<never> {
  const address = `vm.${vm.name}`;
  if (trouble.kind === "disk-full") {
    return fail({
      code: "host/disk-full",
      address,
      summary: `${vm.name} was paused while ${phase}: the host's disk is full`,
      detail: `Its guest wrote to ${folder.root}, where no space is left. Nothing is lost: it waits.`,
      hint: `Free some space (vmlab trash empty), then: vmlab resume ${vm.name}`,
    });
  }
  const what = {
    ended: () => `${vm.name} went away while ${phase}: ${trouble.why}`,
    paused: () => `${vm.name} is paused (${trouble.why}) while ${phase}`,
    panicked: () => `${vm.name} went away while ${phase}: ${trouble.why}`,
  }[trouble.kind]();
  return fail({
    code: trouble.kind === "paused" ? "qemu/machine-paused" : "qemu/machine-gone",
    address,
    summary: what,
    detail: (await machineEvidence(effects, folder, runtime)).join("\n"),
    hint:
      trouble.kind === "paused"
        ? `Let it go on: vmlab resume ${vm.name}`
        : `See its console: vmlab logs ${vm.name}`,
  });
}
