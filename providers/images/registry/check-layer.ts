/** Whether a stranger's disk is what its record says, and safe to open. */
import { damaged } from "../../../engine/archive/read-archive.ts";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { CallContext } from "../../provider.ts";
import type { ImageRecord } from "../image-record.ts";
import { readBackingFile, relativeBacking } from "../qcow2-backing.ts";
import { parseQcow2Header } from "../qcow2-header.ts";
import { imageName } from "./image-name.ts";

const HEADER_BYTES = 104;

/** The layers below lie beside the disk's folder. `shown` is what the user calls the archive. */
export async function checkLayer(
  effects: Effects,
  disk: string,
  record: ImageRecord,
  options: { shown: string; context: Pick<CallContext, "signal" | "progress"> },
): Promise<void> {
  const { shown, context } = options;
  const name = imageName(record, record.digest);
  const actual = await effects.files.sha256(disk, {
    signal: context.signal,
    progress: (done) => context.progress(`verifying ${name}`, { unit: "bytes", done, total: record.size }),
  });
  if (actual !== record.digest)
    damaged(shown, `The disk of ${name} has the SHA-256 ${actual} instead of ${record.digest}.`);
  // Before any program opens it: a backing or data file may name any file of this host.
  const header = parseQcow2Header(await effects.files.readPart(disk, 0, HEADER_BYTES));
  const backing = await readBackingFile(effects, disk);
  const expected = record.parent === undefined ? undefined : relativeBacking(record.parent);
  const found = backing.kind === "file" ? backing.path : undefined;
  const fault =
    header === undefined || backing.kind === "unreadable"
      ? "is no qcow2 disk"
      : header.externalData
        ? "keeps its data in another file"
        : header.encrypted
          ? "is encrypted"
          : found !== expected
            ? `stands on ${found ?? "nothing"} instead of ${expected ?? "nothing"}`
            : header.virtualSize !== record.virtual_size
              ? `has room for ${header.virtualSize} bytes instead of the ${record.virtual_size} that its record says`
              : undefined;
  if (fault !== undefined) {
    fail({
      code: "image/unsafe-qcow2",
      summary: `the disk of ${name} in ${shown} ${fault}`,
      hint: "Nothing of it was used. Have it exported anew with `vmlab images export`.",
    });
  }
  const result = await effects.processes.run("qemu-img", ["check", "-f", "qcow2", disk], {
    signal: context.signal,
    ownGroup: true,
  });
  // 3: clusters that nothing refers to, which wastes space and harms nobody.
  if (result.code !== 0 && result.code !== 3)
    damaged(shown, `qemu-img check says of ${name}:\n${(result.stderr || result.stdout).trim()}`);
}
