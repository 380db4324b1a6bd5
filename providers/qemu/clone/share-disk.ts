/**
 * Freezes the layer that a machine writes to, so that others can stand on it: the machine goes on in a new layer over
 * it, also while it runs. Nothing is copied.
 *
 * The record names the new layer before QEMU is told. If vmlab dies in between, the machine goes on writing to the old
 * layer, on which nobody else stands yet, and finds all of it below the new one at its next start.
 */
import { join } from "node:path";
import type { CallContext } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { createOverlay } from "../disk-image.ts";
import { GuestAgentError } from "../export/guest-agent.ts";
import { syncGuest, whileItStandsStill, withCopyNote } from "../export/stand-still.ts";
import { QEMU_IMG } from "../programs.ts";
import { requireRunning } from "../ready.ts";
import { activeLayer, type DiskLayer, writeRecord } from "../vm-folder.ts";
import type { CloneSource } from "./clone-disk.ts";
import { settleSwitch, switchMachine, writeLayerNote } from "./layer-note.ts";
import { holdingLayers, sharedLayerPath } from "./shared-layers.ts";

/** Resolves with the layers that hold all that the machine has on its disk now; the last is shared. */
export async function shareDisk(
  context: QemuContext,
  source: CloneSource,
  call: CallContext,
): Promise<readonly DiskLayer[]> {
  const { vm, machine } = source;
  const below = vm.layers.slice(0, -1);
  const top = below.at(-1);
  if (top !== undefined && "shared" in top) {
    // The clones of one command begin at one moment, and a source of many does not come to stand on as many layers.
    if (context.frozen?.get(vm.id) === top.shared) return below;
    // Nothing was written since it was cloned last.
    if (machine === undefined && (await isEmpty(context, source))) return below;
  }
  if (machine === undefined) return await freeze(context, source, undefined);
  const running = await requireRunning(context, vm.id);
  const work = { effects: context.effects, address: `vm.${vm.name}`, call, env: {} };
  if (!(await syncGuest(context, work, running)))
    call.output("its guest did not write everything to its disk: the clone may lack what it has in memory");
  return await withCopyNote(context.effects, running, () =>
    freeze(context, source, (action) =>
      whileItStandsStill(work, running, action).catch((error: unknown) => {
        if (!(error instanceof GuestAgentError)) throw error;
        call.output(
          `its file systems could not be made to stand still (${error.message}): the clone begins as after a power cut`,
        );
        return action();
      }),
    ),
  );
}

/** `still`: runs what switches a running machine to its new layer. */
async function freeze(
  context: QemuContext,
  { folder, vm, disk }: CloneSource,
  still: ((action: () => Promise<void>) => Promise<void>) | undefined,
): Promise<readonly DiskLayer[]> {
  const { effects, home } = context;
  const before = activeLayer(vm);
  const shared = effects.random.bytes(6).toString("hex");
  const note = { before, file: `disk-${shared}.qcow2`, shared };
  const below = [...vm.layers.slice(0, -1), { shared }];
  await holdingLayers(effects, home, async () => {
    await effects.files.makeDir(home.layers);
    await writeLayerNote(effects, folder, note);
    try {
      const frozen = sharedLayerPath(home, shared);
      await effects.files.link(join(folder.root, before), frozen);
      const base = { path: frozen, format: "qcow2", busy: still !== undefined };
      await createOverlay(effects, join(folder.root, note.file), base, disk);
      await writeRecord(effects, folder.record, { ...vm, layers: [...below, { file: note.file }] });
      if (still !== undefined) await still(() => switchMachine(effects, folder, note));
      await settleSwitch(context, folder, note);
      await effects.files.chmod(frozen, 0o400);
      context.frozen?.set(vm.id, shared);
    } catch (error) {
      // Nobody may stand on a layer that a machine goes on writing to.
      await settleSwitch(context, folder, note).catch(() => undefined);
      throw error;
    }
  });
  return below;
}

async function isEmpty({ effects }: QemuContext, { folder, vm }: CloneSource): Promise<boolean> {
  const args = ["check", "-f", "qcow2", "--output=json", join(folder.root, activeLayer(vm))];
  const { code, stdout } = await effects.processes.run(QEMU_IMG, args, { ownGroup: true });
  if (code !== 0) return false;
  const found = JSON.parse(stdout) as { "allocated-clusters"?: number };
  return (found["allocated-clusters"] ?? 0) === 0;
}
