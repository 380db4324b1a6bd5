/** Puts a machine as it is now into its disks: the memory of one that runs, and the disks themselves. */
import { fail } from "../../../engine/diagnostics.ts";
import { formatSize } from "../../../engine/units.ts";
import type { VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import type { MachineProcess } from "../machine-process.ts";
import { type SnapshotTarget, writableVolumes } from "./find-target.ts";
import { changeInner, innerSnapshots, snapshotDisks } from "./snapshot-disks.ts";
import { atMachine, type SnapshotJob, snapshotJob } from "./snapshot-job.ts";

/** What a guest's devices take beside its memory, in bytes. */
const DEVICES = 64 * 2 ** 20;

/** A host whose disk is full makes every VM on it stand still, not only the one that is saved. */
export async function requireRoom(
  { effects, home }: QemuContext,
  works: readonly { readonly spec: VmSpec; readonly machine: MachineProcess | undefined }[],
  words: { readonly what: string; readonly instead: string },
): Promise<void> {
  const running = works.filter(({ machine }) => machine !== undefined);
  const needed = running.reduce((sum, { spec }) => sum + spec.memory + DEVICES, 0);
  if (needed === 0) return;
  const { free } = await effects.host.disk(home.vms);
  if (free >= needed) return;
  fail({
    code: "host/disk-full",
    summary: `not enough disk space for ${words.what}`,
    detail: `With the memory of ${running.length === 1 ? "the VM" : "the VMs"} it may take ${formatSize(needed)}, and ${formatSize(free)} are free.`,
    hint: `Free some space, for instance with \`vmlab trash empty\` and \`vmlab images prune\`. Or stop the VM first: ${words.instead}`,
  });
}

/** Of a machine that stands still. Fails unless all of it is there afterwards. */
export async function saveMachine(
  context: QemuContext,
  target: Omit<SnapshotTarget, "call">,
  { what, tag }: Pick<SnapshotJob, "what" | "tag">,
): Promise<void> {
  const { effects } = context;
  const { folder, vm, spec, machine } = target;
  const disks = snapshotDisks(context, folder, vm, writableVolumes(spec));
  if (machine === undefined) for (const { path } of disks) await changeInner(effects, "create", path, tag);
  else {
    const nodes = disks.map(({ node }) => node);
    await atMachine(effects, target, (qmp) =>
      snapshotJob(effects, qmp, { verb: "save", what, tag, nodes, vm: vm.name }),
    );
  }
  // QEMU reports some failures as success: what really exists counts.
  for (const [index, { path, what: disk }] of disks.entries()) {
    const inner = (await innerSnapshots(effects, path)).find((one) => one.name === tag);
    const whole = inner !== undefined && (index > 0 || machine === undefined || inner.memory > 0);
    if (whole) continue;
    fail({
      code: "qemu/snapshot-failed",
      address: `vm.${vm.name}`,
      summary: `${what} is not in ${disk}, although QEMU reported no error`,
      hint: "`vmlab doctor` looks at the host.",
    });
  }
}
