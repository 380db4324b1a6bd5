/** Runs commands in a guest through OpenSSH. Secrets travel on stdin, never in an argument. */
import type { Effects } from "../../engine/effects.ts";
import { shellScript } from "../../engine/shell-words.ts";
import type { ExecResult, SshAccess } from "../provider.ts";
import { sshArguments } from "./ssh-access.ts";

export interface GuestCommand {
  /** Handed to the login shell, as ssh does. */
  readonly command: string;
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
  /** Without it a connection that a busy SSH server drops before the login is tried again. */
  readonly once?: boolean;
}

/** A result that also tells whether ssh itself failed (exit code 255) and whether time ran out. */
export interface GuestResult extends ExecResult {
  readonly timedOut: boolean;
}

/** Pauses between attempts to connect, in milliseconds. */
export const PAUSES = [500, 1_000, 2_000, 4_000];

/** Runs a command as the login user. */
export async function runInGuest(
  effects: Effects,
  access: SshAccess,
  options: GuestCommand,
): Promise<GuestResult> {
  for (const pause of options.once === true ? [] : PAUSES) {
    const result = await runOnce(effects, access, options);
    if (!isDropped(result)) return result;
    await effects.clock.sleep(pause, options.signal);
  }
  return await runOnce(effects, access, options);
}

/** What ssh says then, and nothing else. */
export const DROPPED = /^kex_exchange_identification: .*\s*$/;

/**
 * True when the server closed the connection before the login, as it does while too many others are waiting for theirs
 * (sshd_config(5), MaxStartups): nothing was run. OpenSSH has no exit code of its own for that.
 */
function isDropped({ code, stdout, stderr, timedOut }: GuestResult): boolean {
  return code === 255 && !timedOut && stdout === "" && DROPPED.test(stderr);
}

async function runOnce(effects: Effects, access: SshAccess, options: GuestCommand): Promise<GuestResult> {
  const { onLine, timeoutMs, signal } = options;
  const { code, stdout, stderr, timedOut } = await effects.processes.run(
    "ssh",
    sshArguments(access, options.command),
    {
      input: options.input ?? "",
      ownGroup: true,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
      ...(onLine === undefined ? {} : { onLine: (line) => onLine(line) }),
    },
  );
  return { code, stdout, stderr, timedOut };
}

/** The command line that runs `/bin/sh -c SCRIPT` with arguments as root. */
export function asRoot(user: string, script: string, args: readonly string[] = []): string {
  const words = shellScript(script, args);
  return user === "root" ? words : `sudo -n -H -- ${words}`;
}
