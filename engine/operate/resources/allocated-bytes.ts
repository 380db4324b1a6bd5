/** What a folder takes on the disk, as `du` counts it. */
import { join } from "node:path";
import type { Effects } from "../../effects.ts";

/** Bytes allocated by everything below `path`, or by the file itself; 0 when there is nothing. Links are not followed. */
export async function allocatedBytes(
  files: Pick<Effects["files"], "linkStat" | "list">,
  path: string,
): Promise<number> {
  const stat = await files.linkStat(path);
  if (stat === undefined) return 0;
  if (stat.kind !== "folder") return stat.allocated;
  let bytes = stat.allocated;
  // One after the other: a folder that somebody put there may hold any number of files.
  for (const name of await files.list(path)) bytes += await allocatedBytes(files, join(path, name));
  return bytes;
}
