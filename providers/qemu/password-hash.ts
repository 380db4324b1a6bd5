/** crypt(3) hashes of login passwords: the only form in which a password leaves the process. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";

/**
 * The SHA-512 crypt hash of a password. The salt is the VM's id (12 random digits, kept for its life), so that equal
 * passwords have equal hashes and a change can be told.
 */
export async function hashPassword(effects: Effects, password: string, id: string): Promise<string> {
  if (/[\n\r\0]/.test(password)) {
    fail({
      code: "config/bad-password",
      summary: "a password holds a line break or a NUL",
      hint: "Use one line of text.",
    });
  }
  const { code, stdout, stderr } = await effects.processes.run(
    "openssl",
    ["passwd", "-6", "-salt", id, "-stdin"],
    {
      input: `${password}\n`,
      timeoutMs: 30_000,
    },
  );
  const hash = stdout.trim();
  if (code === 0 && hash.startsWith("$6$")) return hash;
  return fail({
    code: "host/openssl-failed",
    summary: "openssl could not hash a password",
    detail: stderr.trim(),
    hint: "Install OpenSSL 1.1.1 or newer.",
  });
}
