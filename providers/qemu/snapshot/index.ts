/** Snapshots of QEMU's machines: inside their qcow2 disks, with a record beside them. */
import type { CallContext } from "../../provider.ts";
import type { Snapshot, SnapshotProvider } from "../../snapshot-provider.ts";
import { clearAbandonedWork } from "../abandoned-work.ts";
import type { QemuContext } from "../context.ts";
import { findMachine } from "../machine-process.ts";
import { readRuntime, requireVm, vmFolder } from "../vm-folder.ts";
import { removeInner } from "./remove-inner.ts";
import { prepareRestore, restoreSnapshots } from "./restore.ts";
import { settle } from "./settle.ts";
import { snapshotCalled } from "./snapshot-job.ts";
import { forgetSnapshot, readSnapshot, readSnapshots, type SnapshotRecord } from "./snapshot-record.ts";
import { takeSnapshots } from "./take.ts";

export function qemuSnapshots(context: QemuContext): SnapshotProvider {
  return {
    list: async (ids) => {
      const found = await Promise.all(
        ids.map(async (id) => {
          const records = await readSnapshots(context.effects, vmFolder(context.home, id));
          return [id, records.map(asSnapshot)] as const;
        }),
      );
      return new Map(found);
    },
    take: (requests) => takeSnapshots(context, requests),
    check: async (requests) => settle(requests, (request) => prepareRestore(context, request)),
    restore: (requests) => restoreSnapshots(context, requests),
    remove: (id, name, call) => removeSnapshot(context, id, name, call),
  };
}

async function removeSnapshot(
  context: QemuContext,
  id: string,
  name: string,
  call: CallContext,
): Promise<void> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  const vm = await requireVm(effects, folder);
  await clearAbandonedWork(context, folder);
  const snapshot = await readSnapshot(effects, folder, name);
  if (snapshot === undefined) return;
  call.progress("removing it from the disks");
  const machine = await findMachine(effects, folder, await readRuntime(effects, folder));
  const what = snapshotCalled(name, vm.name);
  await removeInner(context, { folder, vm, machine }, { ...snapshot, what });
  await forgetSnapshot(effects, folder, name);
}

function asSnapshot(record: SnapshotRecord): Snapshot {
  const { version: _, tag: __, vm: ___, guest: ____, accel: _____, slots: ______, ...snapshot } = record;
  return { ...snapshot, volumes: record.volumes.map(({ name, size }) => ({ name, size })) };
}
