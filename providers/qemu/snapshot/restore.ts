/** Restores snapshots of several machines, which then go on at the same moment. */
import { fail } from "../../../engine/diagnostics.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { RestoreRequest } from "../../snapshot-provider.ts";
import { vmAttributes } from "../attributes.ts";
import type { QemuContext } from "../context.ts";
import { withQmp } from "../qmp.ts";
import { startPaused } from "../start.ts";
import { stopVm } from "../stop.ts";
import { readRuntime, writeRecord } from "../vm-folder.ts";
import { findTarget, type SnapshotTarget } from "./find-target.ts";
import { setGuestClock } from "./guest-clock.ts";
import {
  changeInner,
  innerSnapshots,
  requireUnused,
  type SnapshotDisk,
  snapshotDisks,
} from "./snapshot-disks.ts";
import { snapshotJob } from "./snapshot-job.ts";
import { endAbandonedSnapshot } from "./snapshot-note.ts";
import { readSnapshot, type SnapshotRecord, setCurrentSnapshot } from "./snapshot-record.ts";

const QMP_MS = 600_000;

interface Work extends SnapshotTarget {
  readonly snapshot: SnapshotRecord;
  readonly disks: readonly SnapshotDisk[];
}

export async function restoreSnapshots(
  context: QemuContext,
  requests: readonly RestoreRequest[],
): Promise<ReadonlyMap<string, JsonObject>> {
  const { effects } = context;
  // All of them are looked at before anything is changed.
  const works = await Promise.all(requests.map((request) => prepare(context, request)));
  for (const { call } of works) call.signal.throwIfAborted();
  await Promise.all(works.map((work) => load(context, work)));
  const running = works.filter(({ snapshot }) => snapshot.memory);
  await Promise.all(
    running.map(({ folder }) =>
      withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) => qmp.execute("cont")),
    ),
  );
  // The guests believe that it is still the time at which they were saved.
  await Promise.all(running.map(({ spec, call }) => setGuestClock(context, spec.id, call)));
  const attributes = new Map<string, JsonObject>();
  for (const { spec, folder, snapshot } of works)
    attributes.set(spec.id, vmAttributes(snapshot.vm, await readRuntime(effects, folder)));
  return attributes;
}

async function prepare(context: QemuContext, { spec, name, context: call }: RestoreRequest): Promise<Work> {
  const { effects } = context;
  const found = await findTarget(context, spec, call);
  await endAbandonedSnapshot(context, found.folder);
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
  const disks = snapshotDisks(context, found.folder, snapshot.vm, snapshot.volumes);
  for (const { path, what } of disks) {
    const there = (await effects.files.stat(path)) !== undefined;
    if (there && (await innerSnapshots(effects, path)).some((inner) => inner.name === name)) continue;
    fail({
      code: "qemu/snapshot-incomplete",
      address,
      summary: `the snapshot ${name} of ${spec.name} is not whole: ${what} ${there ? "does not have it" : "is gone"}`,
      detail: "Nothing was changed.",
      hint: `Remove it: vmlab snapshot delete ${spec.name} --name ${name}`,
    });
  }
  return { ...found, snapshot, disks };
}

async function load(context: QemuContext, work: Work): Promise<void> {
  const { effects } = context;
  const { folder, vm, spec, snapshot, disks, call } = work;
  const { name } = snapshot;
  if (work.machine !== undefined) {
    call.progress("ending the machine as it is now");
    await stopVm(context, spec.id, { timeoutMs: 0, force: true }, call);
  }
  // A volume may be in another machine by now.
  for (const { path } of disks) await requireUnused(effects, path);
  if (!snapshot.memory) {
    call.progress("restoring its disks");
    for (const { path } of disks) await changeInner(effects, "apply", path, name);
    await recordRestored(context, work);
    return;
  }
  await startPaused(context, spec, call);
  call.progress("restoring its memory and disks");
  const nodes = disks.map(({ node }) => node);
  try {
    await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, (qmp) =>
      snapshotJob(effects, qmp, { verb: "load", name, nodes, vm: vm.name }),
    );
  } catch (error) {
    // What is in its memory now is nothing that could go on.
    await stopVm(context, spec.id, { timeoutMs: 0, force: true }, call);
    throw error;
  }
  await recordRestored(context, work);
}

/** Its disk may have another size, and its guest knows what it knew then. */
async function recordRestored({ effects }: QemuContext, { folder, vm, snapshot }: Work): Promise<void> {
  // It may have been moved since.
  await writeRecord(effects, folder.record, { ...snapshot.vm, name: vm.name, lab: vm.lab });
  if (snapshot.guest !== undefined) await writeRecord(effects, folder.guest, snapshot.guest);
  await setCurrentSnapshot(effects, folder, snapshot.name);
}
