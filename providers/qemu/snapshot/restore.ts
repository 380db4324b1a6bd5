/** Restores snapshots of several machines, which then go on at the same moment. */
import { fail } from "../../../engine/diagnostics.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { RestoreRequest } from "../../snapshot-provider.ts";
import { chooseAccel } from "../accel-probe.ts";
import { vmAttributes } from "../attributes.ts";
import type { QemuContext } from "../context.ts";
import { startPaused } from "../start.ts";
import { connectAnew } from "../update.ts";
import { readRuntime, requireVm } from "../vm-folder.ts";
import { pluggedVolumes } from "../volume/plug.ts";
import { applyDisks, endMachine, recordApplied } from "./apply-disks.ts";
import { findSnapshotTarget, type SnapshotTarget } from "./find-target.ts";
import { setGuestClock } from "./guest-clock.ts";
import { failWith, settle } from "./settle.ts";
import { innerSnapshots, requireUnused, type SnapshotDisk, snapshotDisks } from "./snapshot-disks.ts";
import { atMachine, snapshotCalled, snapshotJob } from "./snapshot-job.ts";
import { removeSnapshotNote, writeSnapshotNote } from "./snapshot-note.ts";
import { readSnapshot, type SnapshotRecord } from "./snapshot-record.ts";

interface Work extends SnapshotTarget {
  readonly snapshot: SnapshotRecord;
  readonly disks: readonly SnapshotDisk[];
}

/** Works whose disks are being changed, one after the other. */
type HalfDone = Set<Work>;

export async function restoreSnapshots(
  context: QemuContext,
  requests: readonly RestoreRequest[],
): Promise<ReadonlyMap<string, JsonObject>> {
  const { effects } = context;
  const works = await Promise.all(requests.map((request) => prepareRestore(context, request)));
  for (const { call } of works) call.signal.throwIfAborted();
  for (const { folder, snapshot } of works)
    await writeSnapshotNote(effects, folder, { doing: "restore", name: snapshot.name });
  const halfDone: HalfDone = new Set();
  try {
    await settle(works, (work) => end(context, work));
    const results = await Promise.allSettled(works.map((work) => load(context, work, halfDone)));
    if (results.some(({ status }) => status === "rejected"))
      await settle(works, ({ folder, call }) => endMachine(context, folder, call));
    failWith(results);
    const running = works.filter(({ snapshot }) => snapshot.memory);
    await settle(running, (work) => atMachine(effects, work, (qmp) => qmp.execute("cont")));
    // The guests believe that it is still the time at which they were saved.
    await settle(running, ({ spec, call }) => setGuestClock(context, spec.id, call));
  } finally {
    // What is half done stays noted, and is finished by whoever works with the VM next.
    for (const work of works) if (!halfDone.has(work)) await removeSnapshotNote(effects, work.folder);
  }
  const attributes = new Map<string, JsonObject>();
  for (const { spec, folder } of works)
    attributes.set(
      spec.id,
      vmAttributes(await requireVm(effects, folder), await readRuntime(effects, folder)),
    );
  return attributes;
}

/** Fails with what stands in the way. Changes nothing. */
export async function prepareRestore(
  context: QemuContext,
  { spec, name, volumes, context: call }: RestoreRequest,
): Promise<Work> {
  const { effects, home } = context;
  const found = await findSnapshotTarget(context, spec, call);
  const address = `vm.${spec.name}`;
  const snapshot = await readSnapshot(effects, found.folder, name);
  if (snapshot === undefined) {
    return fail({
      code: "qemu/no-such-snapshot",
      address,
      summary: `${spec.name} has no snapshot ${name}`,
      hint: `It has these: vmlab snapshot list ${spec.name}`,
    });
  }
  const away = snapshot.volumes.find(({ id }) => !volumes.includes(id));
  const unknown = (spec.volumes ?? []).find(({ id }) => id === "");
  if (away !== undefined || unknown !== undefined) {
    const volume = `volume.${(away ?? unknown)?.name}`;
    fail({
      code: "qemu/snapshot-volume-away",
      address,
      summary: `${volume}, which is in the snapshot ${name} of ${spec.name}, is not attached to it any more`,
      detail: "Restoring it would take what is on that volume now. Nothing was changed.",
      hint: `Attach ${volume} to ${spec.name} again in lab.toml and apply that first. A deleted one may be in \`vmlab trash list\`.`,
    });
  }
  const accel = snapshot.memory ? await chooseAccel(effects, home, spec.accel, spec.name) : undefined;
  if (accel !== snapshot.accel) {
    fail({
      code: "qemu/snapshot-accel",
      address,
      summary: `the snapshot ${name} of ${spec.name} was taken under ${snapshot.accel}, and it would run under ${accel}`,
      detail: "The memory of a guest fits the CPU that it ran on. Nothing was changed.",
      hint: `Set VMLAB_ACCEL=${snapshot.accel} for this command.`,
    });
  }
  const disks = snapshotDisks(context, found.folder, snapshot.vm, snapshot.volumes);
  for (const { path, what } of disks) {
    const there = (await effects.files.stat(path)) !== undefined;
    if (there && (await innerSnapshots(effects, path)).some((inner) => inner.name === snapshot.tag)) continue;
    fail({
      code: "qemu/snapshot-incomplete",
      address,
      summary: `the snapshot ${name} of ${spec.name} is not whole: ${what} ${there ? "does not have it" : "is gone"}`,
      detail: "Nothing was changed.",
      hint: `\`vmlab snapshot delete ${spec.name} --name ${name}\` removes what is left of it.`,
    });
  }
  await requireOwn(context, found, disks);
  return { ...found, snapshot, disks };
}

/** No other machine has one of the disks open. */
async function requireOwn(
  { effects }: QemuContext,
  found: SnapshotTarget,
  disks: readonly SnapshotDisk[],
): Promise<void> {
  const own =
    found.machine === undefined
      ? undefined
      : new Set((await atMachine(effects, found, pluggedVolumes)).map(({ id }) => `volume-${id}`));
  for (const { path, node } of disks) {
    const isOpenHere = own !== undefined && (!node.startsWith("volume-") || own.has(node));
    if (!isOpenHere) await requireUnused(effects, path);
  }
}

async function end(context: QemuContext, { folder, vm, spec, machine, disks, call }: Work): Promise<void> {
  if (machine !== undefined) {
    call.progress("ending the machine as it is now");
    await endMachine(context, folder, call);
  }
  for (const { path } of disks) await requireUnused(context.effects, path);
  // Its guest reads them at its next boot.
  await connectAnew(context, folder, vm, spec, call);
}

async function load(context: QemuContext, work: Work, halfDone: HalfDone): Promise<void> {
  const { effects } = context;
  const { folder, vm, spec, snapshot, disks, call } = work;
  const { name, tag } = snapshot;
  if (!snapshot.memory) {
    call.progress("restoring its disks");
    halfDone.add(work);
    await applyDisks(context, work, snapshot);
    halfDone.delete(work);
    return;
  }
  await startPaused(context, spec, call, snapshot.slots);
  call.progress("restoring its memory and disks");
  const nodes = disks.map(({ node }) => node);
  try {
    await atMachine(effects, work, (qmp) =>
      snapshotJob(effects, qmp, {
        verb: "load",
        what: snapshotCalled(name, vm.name),
        tag,
        nodes,
        vm: vm.name,
      }),
    );
  } catch (error) {
    // Its disks are brought to one moment, whatever QEMU has got to.
    halfDone.add(work);
    await endMachine(context, folder, call);
    await applyDisks(context, work, snapshot);
    halfDone.delete(work);
    throw error;
  }
  await recordApplied(context, work, snapshot);
}
