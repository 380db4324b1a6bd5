/** Ed25519 key pairs: the lab's own, with which vmlab logs in, and each guest's host key, made before it boots. */
import { join } from "node:path";
import { fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";

export interface KeyPair {
  /** Path of the private key, mode 0600. */
  readonly file: string;
  /** `ssh-ed25519 AAAA… comment`. */
  readonly publicKey: string;
}

/** Where a lab's key lies. */
export function labKeyFolder(home: Home, lineage: string): string {
  return join(home.keys, lineage);
}

/** Path of a lab's private key. */
export function labKeyFile(home: Home, lineage: string): string {
  return join(labKeyFolder(home, lineage), "id_ed25519");
}

/** The lab's key, made when there is none. VMs of one lab may ask at the same time: the first one made wins. */
export async function labKey(
  effects: Effects,
  home: Home,
  lab: { readonly name: string; readonly lineage: string },
): Promise<KeyPair> {
  const folder = labKeyFolder(home, lab.lineage);
  const file = join(folder, "id_ed25519");
  if ((await effects.files.stat(file)) === undefined) {
    await effects.files.makeDir(folder);
    const draft = join(folder, `new-${effects.random.bytes(6).toString("hex")}`);
    await makeKeyPair(effects, draft, `vmlab lab ${lab.name}`);
    try {
      await effects.files.link(draft, file);
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
    await effects.files.remove(draft);
    await effects.files.remove(`${draft}.pub`);
  }
  return { file, publicKey: await publicKeyOf(effects, file) };
}

/** Makes a key pair without passphrase at `file` and `file`.pub. */
export async function makeKeyPair(effects: Effects, file: string, comment: string): Promise<KeyPair> {
  // ssh-keygen asks before it overwrites; what a crash left half made is not worth an answer.
  await effects.files.remove(file);
  await effects.files.remove(`${file}.pub`);
  await keygen(effects, ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
  return { file, publicKey: (await effects.files.readText(`${file}.pub`)).trim() };
}

/** Derived from the private key, so that the two can never disagree. */
async function publicKeyOf(effects: Effects, file: string): Promise<string> {
  return (await keygen(effects, ["-y", "-f", file])).trim();
}

async function keygen(effects: Effects, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await effects.processes.run("ssh-keygen", args, { timeoutMs: 30_000 });
  if (code === 0) return stdout;
  return fail({
    code: "ssh/keygen-failed",
    summary: "ssh-keygen could not make or read an SSH key",
    detail: stderr.trim(),
    hint: "Run `vmlab doctor` for the state of the programs that vmlab needs.",
  });
}

/** The user's own public keys (~/.ssh/*.pub), certificates and unreadable files left out. */
async function userKeys(effects: Effects): Promise<string[]> {
  const userHome = effects.host.env.HOME;
  if (userHome === undefined || userHome === "") return [];
  const folder = join(userHome, ".ssh");
  const keys: string[] = [];
  for (const name of await listOrNothing(effects, folder)) {
    if (!name.endsWith(".pub") || name.endsWith("-cert.pub")) continue;
    try {
      const [line = ""] = (await effects.files.readText(join(folder, name))).trim().split("\n");
      if (isPublicKey(line)) keys.push(line.trim());
    } catch {
      // A key that cannot be read is as good as none; login does not depend on it.
    }
  }
  return keys;
}

async function listOrNothing(effects: Effects, folder: string): Promise<string[]> {
  try {
    return await effects.files.list(folder);
  } catch {
    return [];
  }
}

/** True for one line of an authorized_keys file without options. */
export function isPublicKey(line: string): boolean {
  return /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+={0,3}( [^\n\r]*)?$/.test(
    line.trim(),
  );
}

/** Every key that may log in to a VM, the lab's first, each once. */
export async function authorizedKeys(
  effects: Effects,
  lab: KeyPair,
  declared: readonly string[],
): Promise<string[]> {
  const seen = new Set<string>();
  const keys: string[] = [];
  for (const key of [lab.publicKey, ...declared, ...(await userKeys(effects))].map((k) => k.trim())) {
    // Keys differ in type and bytes, not in their comment.
    const body = key.split(" ").slice(0, 2).join(" ");
    if (seen.has(body)) continue;
    seen.add(body);
    keys.push(key);
  }
  return keys;
}
