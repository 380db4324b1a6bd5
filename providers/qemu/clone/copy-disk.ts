/** A copy of what a machine's disk holds beyond its image, for a clone that shares nothing with it. */
import { join } from "node:path";
import { fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { formatSize } from "../../../engine/units.ts";
import type { CallContext, CloneSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { growDisk } from "../disk-image.ts";
import { type DiskWork, qemuImg, qemuImgJson } from "../export/disk-tools.ts";
import { copyLive } from "../export/live-copy.ts";
import { findSnapshot } from "../export/source.ts";
import { requireRunning } from "../ready.ts";
import { activeLayer } from "../vm-folder.ts";
import type { CloneSource } from "./clone-disk.ts";

const NO_AGENT = "image/export-no-agent";

export interface DiskCopy extends Pick<CloneSpec, "snapshot"> {
  /** Path of the image's disk. */
  readonly base: string;
  /** Of the copy, in the folder of a machine that is being made: a crash removes all of that. */
  readonly path: string;
  /** Bytes that the copy's disk shall have. */
  readonly size: number;
}

export async function copyDisk(
  context: QemuContext,
  source: CloneSource,
  copy: DiskCopy,
  call: CallContext,
): Promise<void> {
  const { effects } = context;
  const work: DiskWork = { effects, address: `vm.${source.vm.name}`, call, env: {} };
  const passing = `${copy.path}.copy`;
  await requireRoom(context, work, source, copy);
  const view = await viewOf(context, work, source, copy, passing);
  await qemuImg(work, "preparing the copy", [
    ...["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", view, copy.path],
  ]);
  await qemuImg(work, "copying the disk", [
    ...["rebase", "-p", "-f", "qcow2", "-F", "qcow2", "-b", copy.base, copy.path],
  ]);
  await effects.files.chmod(copy.path, 0o600);
  await effects.files.remove(passing);
  await growDisk(effects, copy.path, copy.size);
}

/** A qcow2 that looks as the clone shall, and that nobody writes to meanwhile. */
async function viewOf(
  context: QemuContext,
  work: DiskWork,
  { folder, vm, machine }: CloneSource,
  { snapshot }: DiskCopy,
  passing: string,
): Promise<string> {
  const active = join(folder.root, activeLayer(vm));
  if (snapshot !== undefined) {
    const { tag } = await findSnapshot(context, work, { folder, name: vm.name, active }, snapshot);
    const shared = machine === undefined ? [] : ["-U"];
    // A comma would end the name and begin an option of qemu-img's.
    const which = ["-l", `snapshot.name=${tag.replaceAll(",", ",,")}`];
    await qemuImg(work, "copying the snapshot", [
      ...["convert", "-p", ...shared, "-f", "qcow2", "-O", "qcow2", ...which, active, passing],
    ]);
    return passing;
  }
  if (machine === undefined) return active;
  const running = await requireRunning(context, vm.id);
  const target = passing;
  try {
    await copyLive(context, work, running, { active, target, freeze: true });
  } catch (error) {
    const noAgent = isDiagnosticsError(error) && error.diagnostics.some(({ code }) => code === NO_AGENT);
    if (!noAgent) throw error;
    work.call.output(
      "its file systems could not be made to stand still: the clone begins as after a power cut",
    );
    await copyLive(context, work, running, { active, target, freeze: false });
  }
  return passing;
}

/** A full disk of the host makes every VM on it stand still. */
async function requireRoom(
  { effects, home }: QemuContext,
  work: DiskWork,
  { folder, vm, machine }: CloneSource,
  { snapshot }: DiskCopy,
): Promise<void> {
  const { required } = await qemuImgJson(work, "measure", join(folder.root, activeLayer(vm)));
  // What is copied whole first is there twice for a while.
  const copies = machine === undefined && snapshot === undefined ? 1 : 2;
  const needed = copies * Number(required ?? 0);
  const { free } = await effects.host.disk(home.vms);
  if (free >= needed) return;
  fail({
    code: "host/disk-full",
    address: work.address,
    summary: `not enough disk space for a copy of the disk of ${vm.name}`,
    detail: `It may take ${formatSize(needed)} for a while, and ${formatSize(free)} are free.`,
    hint: "Free some space, for instance with `vmlab trash empty` and `vmlab images prune`.",
  });
}
