/** What of a VM is exported, and whether that is whole enough to become an image. */
import { fail } from "../../../engine/diagnostics.ts";
import { isJsonObject } from "../../../engine/json.ts";
import type { ExportOptions } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { readMachineLog } from "../machine-log.ts";
import { findMachine } from "../machine-process.ts";
import { readSnapshots } from "../snapshot/snapshot-record.ts";
import { requireNotSuspended } from "../suspend/require-not-suspended.ts";
import { readRuntime, type VmFolder } from "../vm-folder.ts";
import { type DiskWork, qemuImgJson } from "./disk-tools.ts";

export type Source =
  /** Nobody writes to the VM's layers: they are read where they are. */
  | { readonly kind: "off" }
  /** QEMU copies the disk as it is at one moment. `freeze`: the guest's file systems stand still at that moment. */
  | { readonly kind: "running"; readonly freeze: boolean }
  /** A snapshot inside the active layer, where it is called `tag`. */
  | { readonly kind: "snapshot"; readonly name: string; readonly tag: string; readonly running: boolean };

/** `active` is the path of the VM's active layer. */
export async function chooseSource(
  context: QemuContext,
  work: DiskWork,
  vm: { readonly folder: VmFolder; readonly name: string; readonly active: string },
  options: Pick<ExportOptions, "live" | "snapshot" | "crashConsistent">,
): Promise<Source> {
  const { effects } = context;
  const { folder, name } = vm;
  const runtime = await readRuntime(effects, folder);
  const running = (await findMachine(effects, folder, runtime)) !== undefined;
  if (options.snapshot !== undefined) return await snapshotSource(context, work, vm, options, running);
  const log = await readMachineLog(effects, folder);
  if (!running && !options.crashConsistent) {
    const doing = "its disk lacks what its guest has in memory";
    await requireNotSuspended(effects, folder, { vm: name, doing });
  }
  if (!running) {
    // Never started, or its guest itself said that it is done.
    const clean = runtime === undefined || log.end === "guest-shutdown";
    if (clean || options.crashConsistent) return { kind: "off" };
    return fail({
      code: "image/export-unclean",
      address: work.address,
      summary: `${name} was not shut down: its guest may have lost what it had not written yet`,
      detail: "It was switched off or killed, so its disk is as after a power cut.",
      hint: `Let it shut down: \`vmlab start ${name}\`, then \`vmlab stop ${name}\`. Or take the disk as it is: --crash-consistent.`,
    });
  }
  if (!options.live) {
    return fail({
      code: "image/export-running",
      address: work.address,
      summary: `${name} is running`,
      detail: "What a running guest has not written yet would be missing in a plain copy of its disk.",
      hint: `Stop it (\`vmlab stop ${name}\`), or add --live: its file systems stand still for a moment, and it goes on running.`,
    });
  }
  if (log.paused === undefined) return { kind: "running", freeze: !options.crashConsistent };
  if (options.crashConsistent) return { kind: "running", freeze: false };
  return fail({
    code: "image/export-paused",
    address: work.address,
    summary: `${name} is paused (${log.paused}): its guest cannot be asked to write everything to its disk`,
    hint: `Let it go on with \`vmlab resume ${name}\`. Or take the disk as it is: --crash-consistent.`,
  });
}

async function snapshotSource(
  context: QemuContext,
  work: DiskWork,
  vm: { readonly folder: VmFolder; readonly name: string; readonly active: string },
  { snapshot = "", crashConsistent }: Pick<ExportOptions, "snapshot" | "crashConsistent">,
  running: boolean,
): Promise<Source> {
  const { tag, memory } = await findSnapshot(context, work, vm, snapshot);
  if (memory && !crashConsistent) {
    return fail({
      code: "image/export-unclean",
      address: work.address,
      summary: `the snapshot "${snapshot}" was taken while ${vm.name} was running`,
      detail: "What its guest had only in memory is not on the disk, which is as after a power cut.",
      hint: "Take the disk as it is with --crash-consistent, or a snapshot that was made while the VM was off.",
    });
  }
  return { kind: "snapshot", name: snapshot, tag, running };
}

/** A snapshot inside a VM's active layer, by the name that people know it by. */
export async function findSnapshot(
  { effects }: QemuContext,
  work: DiskWork,
  { folder, name, active }: { readonly folder: VmFolder; readonly name: string; readonly active: string },
  snapshot: string,
): Promise<{ readonly tag: string; readonly memory: boolean }> {
  const { snapshots } = await qemuImgJson(work, "info", active);
  const found = Array.isArray(snapshots) ? snapshots.filter(isJsonObject) : [];
  // People know those of vmlab by their own names, and those that they made themselves by QEMU's.
  const tags = new Map((await readSnapshots(effects, folder)).map((one) => [one.tag, one.name]));
  const nameOf = (tag: string) => tags.get(tag) ?? tag;
  const wanted = found.find((each) => nameOf(String(each.name)) === snapshot);
  if (wanted !== undefined)
    return { tag: String(wanted.name), memory: Number(wanted["vm-state-size"] ?? 0) > 0 };
  const names = found.map((each) => nameOf(String(each.name)));
  return fail({
    code: "image/export-no-snapshot",
    address: work.address,
    summary: `${name} has no snapshot "${snapshot}"`,
    hint: names.length === 0 ? "It has none at all: leave the snapshot out." : `It has ${names.join(", ")}.`,
  });
}
