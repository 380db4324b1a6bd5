/** qemu-img for exports: long calls that can be interrupted and tell how far they are. */
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { isJsonObject, type JsonObject } from "../../../engine/json.ts";
import type { CallContext } from "../../provider.ts";
import { QEMU_IMG } from "../programs.ts";

/** What a call belongs to. */
export interface DiskWork {
  readonly effects: Effects;
  /** Address of the VM. */
  readonly address: string;
  readonly call: CallContext;
  /** Marks the processes of this export, by which they are found again after a crash. */
  readonly env: Record<string, string>;
}

/**
 * Runs qemu-img and resolves with what it printed. `phase` is what people read meanwhile and when it fails; with `-p`
 * among the arguments it gets a percentage.
 */
export async function qemuImg(work: DiskWork, phase: string, args: readonly string[]): Promise<string> {
  const { effects, call, address, env } = work;
  call.progress(phase);
  const { code, stdout, stderr } = await effects.processes.run(QEMU_IMG, args, {
    signal: call.signal,
    env,
    ownGroup: true,
    onLine: (line) => {
      const percent = /\((\d+\.\d+)\/100%\)/.exec(line)?.[1];
      if (percent === undefined) return;
      call.progress(phase, { unit: "steps", done: Math.floor(Number(percent)), total: 100 });
    },
  });
  if (code === 0) return stdout;
  if (isFullDisk(stderr)) noSpace(work);
  return fail({
    code: "qemu/disk-image-failed",
    address,
    summary: `${phase} failed`,
    detail: stderr.trim() || `qemu-img ended with ${code ?? "a signal"}.`,
    hint: "The VM is as it was. `vmlab doctor` looks at the host.",
  });
}

/** qemu-img's JSON about a qcow2 image, which a running machine may have open. */
export async function qemuImgJson(
  work: DiskWork,
  verb: "info" | "measure",
  path: string,
): Promise<JsonObject> {
  const file = { driver: "file", filename: path };
  const shared = `json:${JSON.stringify({ driver: "qcow2", "force-share": true, file })}`;
  const args = [verb, ...(verb === "measure" ? ["-O", "qcow2"] : []), "--output=json", shared];
  const parsed: unknown = JSON.parse(await qemuImg(work, "looking at the disk", args));
  return isJsonObject(parsed) ? parsed : {};
}

/** The end of an export for want of space; what it had written is removed by its workplace. */
export function noSpace(
  { address }: Pick<DiskWork, "address">,
  room?: { needed: string; free: string },
): never {
  return fail({
    code: "image/no-space",
    address,
    summary: "not enough disk space in the image store for this export",
    ...(room === undefined
      ? {}
      : { detail: `It may need ${room.needed} for a while, and ${room.free} are free.` }),
    hint: "Free some space, for instance with `vmlab trash empty`. Nothing was exported, and the VM is as it was.",
  });
}

export function isFullDisk(text: string): boolean {
  return /No space left|Disk quota exceeded/.test(text);
}
