/** Runs a command in a guest with its output handed on as it comes, whatever its length. */
import type { VmProvider } from "../../providers/provider.ts";
import type { Clock } from "../effects.ts";

export interface GuestRun {
  /** Handed to the guest's shell. */
  readonly command: string;
  readonly asRoot: boolean;
  readonly timeoutMs?: number;
  /** Standard input; closed at once without it. The signal is aborted when the command takes no more. */
  readonly input?: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly onData: (data: Uint8Array, stream: "stdout" | "stderr") => void;
}

export type GuestEnd =
  /** 255 is also how ssh says that it could not connect; what it said came as standard error. */
  { readonly state: "ended"; readonly code: number } | { readonly state: "timed-out" };

/** Rejects with the signal's reason when it is aborted; what the command began in the guest may go on there. */
export async function runInVm(
  provider: VmProvider,
  clock: Clock,
  id: string,
  run: GuestRun,
  signal: AbortSignal,
): Promise<GuestEnd> {
  const { asRoot, timeoutMs, onData } = run;
  const over = new AbortController();
  const late = new AbortController();
  const options = { asRoot, onStderr: (data: Buffer) => onData(data, "stderr") };
  const process = await provider.open(id, run.command, options, AbortSignal.any([signal, late.signal]));
  if (timeoutMs !== undefined) {
    void clock.sleep(timeoutMs, over.signal).then(
      () => late.abort(),
      () => undefined,
    );
  }
  const feeding = feed(process.write, run.input?.(over.signal)).finally(process.closeInput);
  try {
    for await (const data of process.stdout) onData(data, "stdout");
    const code = await process.ended;
    signal.throwIfAborted();
    return late.signal.aborted ? { state: "timed-out" } : { state: "ended", code };
  } finally {
    over.abort();
    process.stop();
    await feeding;
  }
}

async function feed(
  write: (data: Uint8Array) => Promise<boolean>,
  input: AsyncIterable<Uint8Array> = EMPTY,
): Promise<void> {
  for await (const data of input) if (!(await write(data))) return;
}

const EMPTY: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => NOTHING };
const NOTHING: AsyncIterator<Uint8Array> = { next: async () => ({ done: true, value: undefined }) };
