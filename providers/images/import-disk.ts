/** Any supported disk file → a qcow2 that stands on its own. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject } from "../../engine/json.ts";
import type { CallContext } from "../provider.ts";
import { detectFormat, HEAD_BYTES } from "./disk-format.ts";
import { parseQcow2Header } from "./qcow2-header.ts";
import { unpack } from "./unpack.ts";

export interface ImportedDisk {
  /** `qcow2`, `raw`, `qcow2.xz`, … */
  readonly format: string;
  /** Bytes. */
  readonly virtualSize: number;
  /** True when the bytes are those of the file that was handed in. */
  readonly untouched: boolean;
}

/**
 * Makes `target` of the file `source`, which is used up. Both lie in one workplace's folder. `shown` is what the user
 * calls the source.
 */
export async function importDisk(
  effects: Effects,
  source: string,
  target: string,
  options: { folder: string; address: string; shown: string; context: CallContext },
): Promise<ImportedDisk> {
  const { folder, address, shown, context } = options;
  let path = source;
  let compression = "";
  let format = await look(effects, path);
  if (format.kind === "compressed") {
    const packed = join(folder, `packed.${format.by}`);
    const unpacked = join(folder, "unpacked");
    await effects.files.rename(path, packed);
    await unpack(effects, packed, unpacked, format.by, { address, shown, context });
    await effects.files.remove(packed);
    compression = `.${format.by}`;
    path = unpacked;
    format = await look(effects, path);
  }
  if (format.kind === "unusable" || format.kind === "compressed") {
    const what = format.kind === "compressed" ? "compressed twice" : format.what;
    fail({
      code: "image/unusable-format",
      summary: `${shown} is not a disk image that vmlab can use`,
      detail: `${compression === "" ? "It" : "Decompressed, it"} is ${what}.`,
      hint: "Images may be qcow2 or raw disks with a boot sector, plain or compressed with xz, gzip or zstd. Others can be converted with qemu-img convert.",
      address,
    });
  }
  if (format.kind === "qcow2") await refuseUnsafe(effects, path, address, shown);
  await requireQemuImg(effects, address);
  if (format.kind === "qcow2") {
    await check(effects, path, { address, shown, context });
    await effects.files.rename(path, target);
  } else {
    context.progress("converting to qcow2");
    const converted = await qemuImg(effects, ["convert", "-f", "raw", "-O", "qcow2", path, target], context);
    if (converted.code !== 0) {
      fail({
        code: "image/conversion-failed",
        summary: `${shown} could not be converted to qcow2`,
        detail: converted.stderr.trim(),
        address,
      });
    }
    await effects.files.remove(path);
  }
  return {
    format: `${format.kind}${compression}`,
    virtualSize: await virtualSize(effects, target, { address, shown, context }),
    untouched: format.kind === "qcow2" && compression === "",
  };
}

async function look(effects: Pick<Effects, "files">, path: string) {
  const size = (await effects.files.stat(path))?.size ?? 0;
  return detectFormat(await effects.files.readPart(path, 0, HEAD_BYTES), size);
}

async function refuseUnsafe(
  effects: Pick<Effects, "files">,
  path: string,
  address: string,
  shown: string,
): Promise<void> {
  const header = parseQcow2Header(await effects.files.readPart(path, 0, HEAD_BYTES));
  const refuse = (why: string, hint: string): never =>
    fail({ code: "image/unsafe-qcow2", summary: `${shown} ${why}`, hint, address });
  const whole = "Make one that stands on its own with: qemu-img convert -O qcow2 OLD NEW";
  if (header === undefined) {
    fail({ code: "image/damaged", summary: `${shown} has a damaged qcow2 header`, address });
  }
  if (header.backingFile)
    refuse("is an overlay on another file, which could be any file of this host", whole);
  if (header.externalData)
    refuse("keeps its data in another file, which could be any file of this host", whole);
  if (header.encrypted) refuse("is encrypted", "Decrypt it with qemu-img convert.");
}

async function requireQemuImg(effects: Pick<Effects, "processes">, address: string): Promise<void> {
  if ((await effects.processes.which("qemu-img")) !== undefined) return;
  fail({
    code: "host/missing-programs",
    summary: "reading a disk image needs qemu-img, which is not installed",
    hint: "Install the package: apt-get install qemu-utils",
    address,
  });
}

interface Call {
  readonly address: string;
  readonly shown: string;
  readonly context: CallContext;
}

async function check(effects: Effects, path: string, { address, shown, context }: Call): Promise<void> {
  context.progress("checking the image");
  const result = await qemuImg(effects, ["check", "-f", "qcow2", path], context);
  // 3: clusters that nothing refers to, which wastes space and harms nobody.
  if (result.code === 0 || result.code === 3) return;
  fail({
    code: "image/damaged",
    summary: `${shown} is a damaged qcow2 image`,
    detail: `qemu-img check says:\n${(result.stderr.trim() || result.stdout.trim()).split("\n").slice(-10).join("\n")}`,
    hint: "Get it anew. A checksum in lab.toml tells which of the two ends is wrong.",
    address,
  });
}

async function virtualSize(
  effects: Effects,
  path: string,
  { address, shown, context }: Call,
): Promise<number> {
  const result = await qemuImg(effects, ["info", "-f", "qcow2", "--output=json", path], context);
  const info: unknown = result.code === 0 ? JSON.parse(result.stdout) : undefined;
  const size = isJsonObject(info) ? info["virtual-size"] : undefined;
  if (typeof size === "number" && size > 0) return size;
  fail({
    code: "image/damaged",
    summary: `the size of ${shown} cannot be read`,
    detail: result.stderr.trim(),
    address,
  });
}

function qemuImg(effects: Effects, args: readonly string[], context: CallContext) {
  return effects.processes.run("qemu-img", args, { signal: context.signal, ownGroup: true });
}
