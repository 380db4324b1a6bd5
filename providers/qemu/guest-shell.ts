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
}

/** A result that also tells whether ssh itself failed (exit code 255) and whether time ran out. */
export interface GuestResult extends ExecResult {
  readonly timedOut: boolean;
}

/** Runs a command as the login user. */
export async function runInGuest(
  effects: Effects,
  access: SshAccess,
  options: GuestCommand,
): Promise<GuestResult> {
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
