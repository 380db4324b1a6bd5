/** What bytes really lie in the store: the SHA-256 of each disk, also of those that lie where they do not belong. */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import type { CallContext } from "../../provider.ts";
import { imageDiskPath } from "../store.ts";

export type ReadContext = Pick<CallContext, "signal" | "progress">;

/** A disk that lies in the store under a name that says nothing of its bytes. */
export interface StrayDisk {
  /** Absolute, of the disk. */
  readonly path: string;
  /** Name in images/: of the folder that holds the disk, or of the disk itself. */
  readonly name: string;
  readonly sha256: string;
}

/** Undefined when there is no disk. */
export async function readDisk(
  effects: Effects,
  home: Home,
  digest: string,
  name: string,
  context: ReadContext,
): Promise<string | undefined> {
  const path = imageDiskPath(home, digest);
  const file = await effects.files.stat(path);
  if (file?.kind !== "file") return undefined;
  return hash(effects, path, name, file.size, context);
}

/** Disks in folders of other names than digests, among them damaged ones that were put aside, and bare disk files. */
export async function readStrays(
  effects: Effects,
  home: Home,
  context: ReadContext,
): Promise<readonly StrayDisk[]> {
  const found: StrayDisk[] = [];
  for (const name of await effects.files.list(home.images)) {
    if (/^[0-9a-f]{64}$/.test(name) || name.startsWith(".tmp-")) continue;
    const own = join(home.images, name);
    const kind = (await effects.files.stat(own))?.kind;
    const path = kind === "folder" ? join(own, "disk.qcow2") : own;
    if (kind === "file" && !name.endsWith(".qcow2")) continue;
    const file = await effects.files.stat(path);
    if (file?.kind !== "file") continue;
    found.push({ path, name, sha256: await hash(effects, path, name, file.size, context) });
  }
  return found;
}

function hash(
  effects: Effects,
  path: string,
  name: string,
  total: number,
  context: ReadContext,
): Promise<string> {
  return effects.files.sha256(path, {
    signal: context.signal,
    progress: (done) => context.progress(`reading ${name}`, { unit: "bytes", done, total }),
  });
}
