/** Takes snapshots of several machines at one moment: all of them, or none. */
import { errorText, fail } from "../../../engine/diagnostics.ts";
import type { TakeRequest } from "../../snapshot-provider.ts";
import type { QemuContext } from "../context.ts";
import { readGuestRecord, readRuntime } from "../vm-folder.ts";
import { deviceSlots } from "./device-slots.ts";
import { findSnapshotTarget, findTarget, type SnapshotTarget, writableVolumes } from "./find-target.ts";
import { removeInner } from "./remove-inner.ts";
import { requireRoom, saveMachine } from "./save-machine.ts";
import { settle } from "./settle.ts";
import { innerSnapshots, snapshotDisks } from "./snapshot-disks.ts";
import { atMachine, snapshotCalled } from "./snapshot-job.ts";
import { removeSnapshotNote, writeSnapshotNote } from "./snapshot-note.ts";
import {
  currentSnapshot,
  forgetSnapshot,
  readSnapshot,
  type SnapshotRecord,
  setCurrentSnapshot,
  writeSnapshot,
} from "./snapshot-record.ts";

interface Work extends SnapshotTarget {
  readonly request: TakeRequest;
  readonly tag: string;
  /** It ran: it stands still while it is taken, and goes on afterwards. */
  readonly held: boolean;
}

export async function takeSnapshots(context: QemuContext, requests: readonly TakeRequest[]): Promise<void> {
  const { effects } = context;
  const works = await Promise.all(requests.map((request) => prepare(context, request)));
  await requireRoom(context, works, { what: "the snapshot", instead: "then only its disks are taken." });
  const group = works.length > 1 ? effects.random.bytes(6).toString("hex") : undefined;
  const held = works.filter((work) => work.held);
  try {
    for (const { folder, held, request, spec, tag } of works)
      await writeSnapshotNote(effects, folder, {
        ...{ doing: "take", name: request.name, tag, held },
        volumes: writableVolumes(spec),
      });
    for (const { call } of works) call.signal.throwIfAborted();
    const createdAt = effects.clock.now();
    await settle(held, (work) => atMachine(effects, work, (qmp) => qmp.execute("stop")));
    await settle(works, (work) => save(context, work));
    const records = await Promise.all(works.map((work) => recordOf(context, work, createdAt, group)));
    await settle(held, (work) => atMachine(effects, work, (qmp) => qmp.execute("cont")));
    const still = effects.clock.now() - createdAt;
    for (const { call } of held) call.output(`it stood still for ${still} ms`);
    for (const { call } of works) call.signal.throwIfAborted();
    for (const [index, { folder }] of works.entries()) {
      const record = records[index];
      if (record !== undefined) await writeSnapshot(effects, folder, record);
    }
  } catch (error) {
    await Promise.all(works.map((work) => undo(context, work)));
    throw error;
  }
  for (const { folder, request } of works) {
    await setCurrentSnapshot(effects, folder, request.name);
    await removeSnapshotNote(effects, folder);
  }
}

async function prepare(context: QemuContext, request: TakeRequest): Promise<Work> {
  const { effects } = context;
  const { spec, name } = request;
  const found = await findSnapshotTarget(context, spec, request.context);
  if ((await readSnapshot(effects, found.folder, name)) !== undefined) {
    fail({
      code: "qemu/snapshot-exists",
      address: `vm.${spec.name}`,
      summary: `${spec.name} has a snapshot ${name} already`,
      hint: `Choose another name, or remove that one: vmlab snapshot delete ${spec.name} --name ${name}`,
    });
  }
  const work = { ...found, request, tag: `vmlab-${effects.random.bytes(6).toString("hex")}` };
  if (found.machine === undefined) return { ...work, held: false };
  const status = await atMachine(effects, found, (qmp) => qmp.execute("query-status"));
  // What the user has paused stays so; its memory is as good.
  return { ...work, held: (status as { status?: string }).status === "running" };
}

async function save(context: QemuContext, work: Work): Promise<void> {
  const { vm, machine, call, tag, request } = work;
  call.progress(machine === undefined ? "saving its disks" : "saving its memory and disks");
  await saveMachine(context, work, { what: snapshotCalled(request.name, vm.name), tag });
}

/** Put together while the machine stands still. */
async function recordOf(
  context: QemuContext,
  work: Work,
  createdAt: number,
  group: string | undefined,
): Promise<SnapshotRecord> {
  const { effects } = context;
  const { folder, vm, spec, machine, request, tag } = work;
  const { name, description } = request;
  const volumes = writableVolumes(spec);
  const [own] = snapshotDisks(context, folder, vm, volumes);
  const inner = (await innerSnapshots(effects, own?.path ?? "")).find((one) => one.name === tag);
  const parent = await currentSnapshot(effects, folder);
  const guest = await readGuestRecord(effects, folder);
  const accel = (await readRuntime(effects, folder))?.accel;
  const live =
    machine === undefined
      ? {}
      : {
          ...(accel === undefined ? {} : { accel }),
          slots: await atMachine(effects, work, deviceSlots),
        };
  return {
    ...{ version: 1, name, tag, createdAt, volumes, vm },
    memory: machine !== undefined,
    size: inner?.memory ?? 0,
    record: request.record,
    ...live,
    ...(description === undefined ? {} : { description }),
    ...(parent === undefined ? {} : { parent }),
    ...(group === undefined ? {} : { group }),
    ...(guest === undefined ? {} : { guest }),
  };
}

/** Nothing of it is left, and what ran goes on. What cannot be undone now is, by whoever works with the VM next. */
async function undo(context: QemuContext, work: Work): Promise<void> {
  const { effects } = context;
  const { folder, held, spec, call, tag, request } = work;
  const { name } = request;
  try {
    // Its machine may have died meanwhile, which may be why.
    const now = await findTarget(context, spec, call);
    await forgetSnapshot(effects, folder, name);
    try {
      await removeInner(context, now, {
        ...{ what: snapshotCalled(name, spec.name), tag },
        volumes: writableVolumes(spec),
      });
    } finally {
      if (held && now.machine !== undefined) await atMachine(effects, now, (qmp) => qmp.execute("cont"));
    }
    await removeSnapshotNote(effects, folder);
  } catch (error) {
    call.output(`what was begun is not undone yet, the next command tries again: ${errorText(error)}`);
  }
}
