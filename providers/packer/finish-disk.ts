/** What Packer leaves → a layer that the store can keep. */
import { dirname, resolve } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { isJsonObject } from "../../engine/json.ts";
import { runTool } from "../images/bootstrap/run-tool.ts";
import { relativeBacking } from "../images/qcow2-backing.ts";

/**
 * Writes the backing file of a layer as the path from its place in the store to its parent's, so that the store can
 * move and an image's digest does not depend on where it was built; then checks it. Only the name is changed: it is the
 * same parent.
 */
export async function finishDisk(
  effects: Effects,
  disk: string,
  options: {
    readonly address: string;
    /** Digest of the parent. */
    readonly parent: string;
    /** Where the parent's disk lies now. */
    readonly parentDisk: string;
    /** Virtual size in bytes. */
    readonly size: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { address, parent, size, signal } = options;
  const doing = `finishing the disk of ${address}`;
  const made = await overlayInfo(effects, disk, { address, signal });
  const parentDisk = await effects.files.realPath(options.parentDisk);
  if (made.backing === undefined || (await effects.files.realPath(made.backing)) !== parentDisk) {
    fail({
      code: "image/template-unusable",
      summary: `${address}: Packer's disk is no overlay on the image below`,
      detail: `It stands on ${made.backing ?? "nothing"} instead of ${options.parentDisk}.`,
      hint: "In a template of your own, set disk_image = true, use_backing_file = true and iso_url = var.vmlab_base_disk.",
      address,
    });
  }
  if (made.virtualSize !== size) {
    fail({
      code: "image/template-unusable",
      summary: `${address}: Packer made a disk of ${made.virtualSize} bytes instead of ${size}`,
      hint: "In a template of your own, take disk_size from the variable vmlab_disk_size.",
      address,
    });
  }
  const backing = relativeBacking(parent);
  await runTool(effects, "qemu-img", ["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk], {
    address,
    doing,
    signal,
  });
  await runTool(effects, "qemu-img", ["check", "-q", "-f", "qcow2", disk], { address, doing, signal });
}

async function overlayInfo(
  effects: Effects,
  disk: string,
  call: { readonly address: string; readonly signal: AbortSignal },
): Promise<{ readonly virtualSize: number; readonly backing?: string }> {
  const { stdout } = await runTool(effects, "qemu-img", ["info", "-f", "qcow2", "--output=json", disk], {
    ...call,
    doing: `reading the disk of ${call.address}`,
  });
  const info: unknown = JSON.parse(stdout);
  if (!isJsonObject(info) || typeof info["virtual-size"] !== "number")
    throw new Error(`qemu-img says ${stdout}`);
  const backing = info["backing-filename"];
  return {
    virtualSize: info["virtual-size"],
    ...(typeof backing === "string" ? { backing: resolve(dirname(disk), backing) } : {}),
  };
}
