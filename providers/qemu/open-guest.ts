/** A command in a guest with its streams open, begun again where a busy SSH server dropped the connection. */
import type { Effects, OpenProcess } from "../../engine/effects.ts";
import type { SshAccess } from "../provider.ts";
import { DROPPED, PAUSES } from "./guest-shell.ts";
import { sshArguments } from "./ssh-access.ts";

/** More than a pipe holds: ssh reads no standard input before the login, so once that much is gone it is in. */
const REPLAYED_BYTES = 256 * 1024;

/**
 * Nothing was run while ssh has said nothing but that it was dropped. What was written until then is written again to the
 * next connection.
 */
export async function openInGuest(
  effects: Pick<Effects, "processes" | "clock">,
  access: SshAccess,
  command: string,
  options: { readonly onStderr?: (data: Buffer) => void },
  signal: AbortSignal,
): Promise<OpenProcess> {
  const pauses = [...PAUSES];
  const written: Uint8Array[] = [];
  let writtenBytes = 0;
  let isIn = false;
  let inputClosed = false;
  let stopped = false;
  /** While what was written is written again: what comes meanwhile gets in line. */
  let replaying: Promise<void> | undefined;
  let held = "";

  const loggedIn = (): void => {
    isIn = true;
    if (replaying === undefined) written.length = 0;
    if (held !== "") options.onStderr?.(Buffer.from(held));
    held = "";
  };
  const onStderr = (data: Buffer): void => {
    if (isIn) {
      options.onStderr?.(data);
      return;
    }
    held += data.toString("utf8");
    if (!couldBeDropped(held)) loggedIn();
  };
  const begin = (): Promise<OpenProcess> =>
    effects.processes.open("ssh", sshArguments(access, command), { signal, onStderr });

  const replay = async (): Promise<void> => {
    for (const data of written) await process.write(data);
    if (inputClosed) process.closeInput();
    replaying = undefined;
    if (isIn) written.length = 0;
  };

  let process = await begin();
  let settle: (code: Promise<number>) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    settle = resolve;
  });

  async function* stdout(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        for await (const data of process.stdout) {
          if (!isIn) loggedIn();
          yield data;
        }
        const code = await process.ended;
        const pause = isIn || stopped || code !== 255 || !DROPPED.test(held) ? undefined : pauses.shift();
        if (pause === undefined) return;
        await effects.clock.sleep(pause, signal);
        held = "";
        process = await begin();
        replaying = replay();
        await replaying;
      }
    } finally {
      if (!isIn) loggedIn();
      settle(process.ended);
    }
  }

  return {
    stdout: stdout(),
    async write(data) {
      if (replaying !== undefined) {
        written.push(data);
        await replaying;
        return true;
      }
      if (!isIn) {
        written.push(data);
        writtenBytes += data.length;
      }
      const takes = await process.write(data);
      if (takes && !isIn && writtenBytes > REPLAYED_BYTES) loggedIn();
      return takes || !isIn;
    },
    closeInput() {
      inputClosed = true;
      if (replaying === undefined) process.closeInput();
    },
    stop() {
      stopped = true;
      process.stop();
    },
    ended,
  };
}

/** True while more may come that makes it ssh's word for a dropped connection. */
function couldBeDropped(text: string): boolean {
  const word = "kex_exchange_identification: ";
  return text.startsWith(word) ? DROPPED.test(text) : word.startsWith(text);
}
