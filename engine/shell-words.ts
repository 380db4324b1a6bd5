/** Words of a POSIX shell's command line. */

/** One word. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command line that runs a script of a POSIX shell with arguments, whatever the login shell is. */
export function shellScript(script: string, args: readonly string[] = []): string {
  return ["/bin/sh", "-c", script, "vmlab", ...args].map(shellQuote).join(" ");
}
