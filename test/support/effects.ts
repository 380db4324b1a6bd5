/** The effects port with each durable effect watched, failed, or followed by a crash. */
import { DURABLE_EFFECTS, type Effects } from "../../engine/effects.ts";

/** One durable effect, in the order in which they begin (from 1). */
export interface DurableCall {
  readonly number: number;
  /** `files.write`, `processes.run`, … */
  readonly method: string;
  /** The path, program or pid that the call is about. */
  readonly target: string;
  readonly args: readonly unknown[];
}

type Around = (call: DurableCall, perform: () => Promise<unknown>) => Promise<unknown>;

/** `effects`, with every method of DURABLE_EFFECTS called through `around`. */
function aroundDurableEffects(effects: Effects, around: Around): Effects {
  let count = 0;
  const wrapPort = <Port extends object>(name: string, port: Port, durable: readonly string[]): Port =>
    new Proxy(port, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof key !== "string" || typeof value !== "function" || !durable.includes(key)) return value;
        return (...args: unknown[]): Promise<unknown> => {
          count += 1;
          const call = { number: count, method: `${name}.${key}`, target: targetOf(key, args), args };
          return around(call, async () => value.apply(target, args));
        };
      },
    });
  return {
    ...effects,
    files: wrapPort("files", effects.files, DURABLE_EFFECTS.files),
    processes: wrapPort("processes", effects.processes, DURABLE_EFFECTS.processes),
  };
}

/** Records every durable effect in `calls`. */
export function memoryTrace(effects: Effects): { effects: Effects; calls: DurableCall[] } {
  const calls: DurableCall[] = [];
  const traced = aroundDurableEffects(effects, (call, perform) => {
    calls.push(call);
    return perform();
  });
  return { effects: traced, calls };
}

/** Rejects the `n`-th durable effect (from 1) with `error`; it does not happen. All others do. */
export function failAt(effects: Effects, n: number, error: Error): Effects {
  return aroundDurableEffects(effects, (call, perform) =>
    call.number === n ? Promise.reject(error) : perform(),
  );
}

/** As {@link failAt}, and every durable effect from then on fails too: a disk that stays full or read-only. */
export function failFrom(effects: Effects, n: number, error: Error): Effects {
  return aroundDurableEffects(effects, (call, perform) =>
    call.number >= n ? Promise.reject(error) : perform(),
  );
}

/** Kills this process (SIGKILL) right after the `n`-th durable effect is done, or right before it. For children. */
export function crashAfter(effects: Effects, n: number, when: "after" | "before" = "after"): Effects {
  return aroundDurableEffects(effects, async (call, perform) => {
    if (call.number !== n) return perform();
    if (when === "after") await perform().catch(() => undefined);
    process.kill(process.pid, "SIGKILL");
    // The signal is on its way: nothing may run on in the meantime.
    return new Promise(() => undefined);
  });
}

/** A system error as Node makes them. */
export function systemError(code: string, message = `${code}: injected`): Error {
  return Object.assign(new Error(message), { code });
}

/** Paths come first, except for link, symlink and copy, rename (where the destination tells more) and download. */
function targetOf(method: string, args: readonly unknown[]): string {
  const second = ["link", "symlink", "copy", "rename", "download"].includes(method);
  return String(second ? args[1] : args[0]);
}
