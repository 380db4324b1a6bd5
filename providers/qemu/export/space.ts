/** Whether an export will fit, before it begins. */
import { formatSize } from "../../../engine/units.ts";
import type { ExportOptions } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { applianceCached } from "./appliance.ts";
import { type DiskWork, noSpace, qemuImgJson } from "./disk-tools.ts";
import type { Source } from "./source.ts";

/** What sealing writes, and the throw-away VM that is booted; seldom more. Bytes. */
const SEAL_BYTES = 128 * 2 ** 20;
const VERIFY_BYTES = 256 * 2 ** 20;

export interface SpaceQuestion {
  /** Paths of the VM's layers above the image, the active one last. */
  readonly layers: readonly string[];
  /** The image at the bottom of the VM's layers, and the path of its disk. */
  readonly bottom: { readonly digest: string; readonly path: string };
  readonly source: Source;
  readonly options: ExportOptions;
}

/**
 * Fails when the image store's file system has less room than the export may need at its widest: the copy of a machine
 * that goes on writing, the merged layers and the finished image exist at the same time. Compression is not counted on.
 */
export async function requireSpace(
  context: QemuContext,
  work: DiskWork,
  question: SpaceQuestion,
): Promise<void> {
  const { effects, home } = context;
  const needed = await neededBytes(context, work, question);
  const { free } = await effects.host.disk(home.images);
  if (needed > free) noSpace(work, { needed: formatSize(needed), free: formatSize(free) });
}

async function neededBytes(context: QemuContext, work: DiskWork, question: SpaceQuestion): Promise<number> {
  const { layers, bottom, source, options } = question;
  const whole = await measured(work, layers.at(-1) ?? bottom.path);
  let own = 0;
  for (const layer of layers) own += (await context.effects.files.stat(layer))?.allocated ?? 0;
  const sizes = source.kind === "off" ? own : whole;
  const copy = source.kind === "off" ? 0 : whole;
  const finished = options.flatten ? whole : 2 * Math.min(sizes, whole);
  const widest = copy + finished + (options.seal ? SEAL_BYTES : 0) + (options.verify ? VERIFY_BYTES : 0);
  // The image's partition is taken apart before anything else is there.
  const first =
    options.seal && !(await applianceCached(context, bottom.digest)) ? await measured(work, bottom.path) : 0;
  return Math.max(first, widest);
}

/** Bytes of a copy that stands alone. */
async function measured(work: DiskWork, path: string): Promise<number> {
  const { required } = await qemuImgJson(work, "measure", path);
  return typeof required === "number" ? required : 0;
}
