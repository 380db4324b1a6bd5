/** The tiny test guest, built from packages on first use and kept in a cache outside the repository. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const script = fileURLToPath(new URL("tiny-guest.sh", import.meta.url));

/** Building takes some ten seconds; a lock older than this belongs to nobody. */
const LOCK_STALE_MS = 300_000;

/** Where built guests are kept. */
export function guestCache(): string {
  const xdg = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return process.env.VMLAB_TEST_CACHE || join(xdg, "vmlab-tests");
}

/** Debian's cloud kernel, which boots quickest. */
const CLOUD_KERNEL = "linux-image-cloud-amd64";

/** Path of the tiny guest's disk; builds it when its recipe has no disk yet. Not to be written to. */
export async function tinyGuest(kernel = CLOUD_KERNEL): Promise<string> {
  const recipe = createHash("sha256")
    .update(await readFile(script))
    .digest("hex")
    .slice(0, 16);
  const folder = join(guestCache(), `tiny-${recipe}${kernel === CLOUD_KERNEL ? "" : `-${kernel}`}`);
  const disk = join(folder, "tiny.qcow2");
  if (await exists(disk)) return disk;
  await mkdir(guestCache(), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!(await exists(disk))) await run("bash", [script, folder, kernel]);
  });
  return disk;
}

/** An empty disk of 64 MiB in `folder`: a machine on it never boots. */
export async function unbootableGuest(folder: string): Promise<string> {
  const disk = join(folder, "unbootable.qcow2");
  await run("qemu-img", ["create", "-q", "-f", "qcow2", disk, "64M"]);
  return disk;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Suites run in processes of their own: the one that makes the lock's folder builds, the others wait for it. */
async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      const held = await stat(lock).catch(() => undefined);
      if (held !== undefined && Date.now() - held.mtimeMs > LOCK_STALE_MS) await takeOver(lock);
      else await sleep(250);
    }
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => undefined);
  }, 10_000);
  try {
    await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { recursive: true, force: true });
  }
}

/** Only one of several waiting processes can rename the folder away. */
async function takeOver(lock: string): Promise<void> {
  const grave = await mkdtemp(`${lock}-stale-`);
  await rename(lock, join(grave, "lock")).catch(() => undefined);
  await rm(grave, { recursive: true, force: true });
}
