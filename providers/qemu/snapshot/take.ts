/** Takes snapshots of several machines at one moment: all of them, or none. */
import { type Diagnostic, DiagnosticsError, fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { TakeRequest } from "../../snapshot-provider.ts";
import type { QemuContext } from "../context.ts";
import { type QmpConnection, withQmp } from "../qmp.ts";
import { readGuestRecord } from "../vm-folder.ts";
import { findTarget, type SnapshotTarget, writableVolumes } from "./find-target.ts";
import { removeInner } from "./remove-inner.ts";
import { changeInner, innerSnapshots, snapshotDisks } from "./snapshot-disks.ts";
import { snapshotJob } from "./snapshot-job.ts";
import { endAbandonedSnapshot, removeSnapshotNote, writeSnapshotNote } from "./snapshot-note.ts";
import {
  currentSnapshot,
  forgetSnapshot,
  readSnapshot,
  setCurrentSnapshot,
  writeSnapshot,
} from "./snapshot-record.ts";

const QMP_MS = 600_000;

interface Work extends SnapshotTarget {
  readonly request: TakeRequest;
  /** It ran: its memory is in the snapshot, and it goes on afterwards. */
  readonly held: boolean;
}

export async function takeSnapshots(context: QemuContext, requests: readonly TakeRequest[]): Promise<void> {
  const { effects } = context;
  const works = await Promise.all(requests.map((request) => prepare(context, request)));
  const group = works.length > 1 ? effects.random.bytes(6).toString("hex") : undefined;
  const held = works.filter((work) => work.held);
  try {
    for (const { folder, held, request, spec } of works)
      await writeSnapshotNote(effects, folder, {
        name: request.name,
        volumes: writableVolumes(spec),
        held,
      });
    for (const { call } of works) call.signal.throwIfAborted();
    const createdAt = effects.clock.now();
    await all(held, (work) => monitor(context, work, (qmp) => qmp.execute("stop")));
    await all(works, (work) => save(context, work));
    await all(held, (work) => monitor(context, work, (qmp) => qmp.execute("cont")));
    const still = effects.clock.now() - createdAt;
    for (const { call } of held) call.output(`it stood still for ${still} ms`);
    for (const { call } of works) call.signal.throwIfAborted();
    for (const work of works) await record(context, work, createdAt, group);
  } catch (error) {
    await undo(context, works);
    throw error;
  }
  for (const { folder } of works) await removeSnapshotNote(effects, folder);
}

async function prepare(context: QemuContext, request: TakeRequest): Promise<Work> {
  const { effects } = context;
  const { spec, name } = request;
  const found = await findTarget(context, spec, request.context);
  await endAbandonedSnapshot(context, found.folder);
  if ((await readSnapshot(effects, found.folder, name)) !== undefined) {
    fail({
      code: "qemu/snapshot-exists",
      address: `vm.${spec.name}`,
      summary: `${spec.name} has a snapshot ${name} already`,
      hint: `Choose another name, or remove that one: vmlab snapshot delete ${spec.name} --name ${name}`,
    });
  }
  if (found.machine === undefined) return { ...found, request, held: false };
  const status = await monitor(context, found, (qmp) => qmp.execute("query-status"));
  // What the user has paused stays so; its memory is as good.
  return { ...found, request, held: (status as { status?: string }).status === "running" };
}

async function save(context: QemuContext, work: Work): Promise<void> {
  const { effects } = context;
  const { folder, vm, spec, machine, call, request } = work;
  const { name } = request;
  const disks = snapshotDisks(context, folder, vm, writableVolumes(spec));
  call.progress(machine === undefined ? "saving its disks" : "saving its memory and disks");
  if (machine === undefined) for (const { path } of disks) await changeInner(effects, "create", path, name);
  else {
    const nodes = disks.map(({ node }) => node);
    await monitor(context, work, (qmp) =>
      snapshotJob(effects, qmp, { verb: "save", name, nodes, vm: vm.name }),
    );
  }
  // QEMU reports some failures as success: what really exists counts.
  for (const [index, { path, what }] of disks.entries()) {
    const inner = (await innerSnapshots(effects, path)).find((one) => one.name === name);
    const whole = inner !== undefined && (index > 0 || machine === undefined || inner.memory > 0);
    if (whole) continue;
    fail({
      code: "qemu/snapshot-failed",
      address: `vm.${vm.name}`,
      summary: `the snapshot ${name} of ${vm.name} is not in ${what}, although QEMU reported no error`,
      hint: "`vmlab doctor` looks at the host.",
    });
  }
}

async function record(
  context: QemuContext,
  { folder, vm, spec, machine, request }: Work,
  createdAt: number,
  group: string | undefined,
): Promise<void> {
  const { effects } = context;
  const { name, description } = request;
  const volumes = writableVolumes(spec);
  const [own] = snapshotDisks(context, folder, vm, volumes);
  const inner = (await innerSnapshots(effects, own?.path ?? "")).find((one) => one.name === name);
  const parent = await currentSnapshot(effects, folder);
  const guest = await readGuestRecord(effects, folder);
  await writeSnapshot(effects, folder, {
    version: 1,
    name,
    createdAt,
    memory: machine !== undefined,
    size: inner?.memory ?? 0,
    volumes,
    record: request.record,
    vm,
    ...(description === undefined ? {} : { description }),
    ...(parent === undefined ? {} : { parent }),
    ...(group === undefined ? {} : { group }),
    ...(guest === undefined ? {} : { guest }),
  });
  await setCurrentSnapshot(effects, folder, name);
}

/** Nothing of them is left, and what ran goes on. What cannot be undone now is, by whoever works with the VM next. */
async function undo(context: QemuContext, works: readonly Work[]): Promise<void> {
  const { effects } = context;
  await Promise.allSettled(
    works.map(async ({ folder, held, spec, call, request: { name } }) => {
      // It may have died meanwhile, which may be why.
      const now = await findTarget(context, spec, call);
      await forgetSnapshot(effects, folder, name);
      try {
        await removeInner(context, now, { name, volumes: writableVolumes(spec) });
      } finally {
        if (held && now.machine !== undefined) await monitor(context, now, (qmp) => qmp.execute("cont"));
      }
      await removeSnapshotNote(effects, folder);
    }),
  );
}

/** All at the same time; waits for the last, then fails with all that failed. */
async function all(works: readonly Work[], step: (work: Work) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(works.map(step));
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  if (errors.length === 0) return;
  const diagnostics = errors.flatMap((error): readonly Diagnostic[] =>
    isDiagnosticsError(error) ? error.diagnostics : [],
  );
  if (diagnostics.length < errors.length) throw errors.find((error) => !isDiagnosticsError(error));
  throw new DiagnosticsError(diagnostics);
}

async function monitor<T>(
  { effects }: QemuContext,
  { folder }: Pick<SnapshotTarget, "folder">,
  use: (qmp: QmpConnection) => Promise<T>,
): Promise<T> {
  return await withQmp(effects, folder.qmpSocket, { timeoutMs: QMP_MS }, use);
}
