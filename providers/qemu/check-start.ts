/** What stands in the way of a start, looked at before anything is done. */
import { DiagnosticsError, fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { PortForward, VmSpec } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { type Forward, wantedForwards } from "./forwards.ts";
import { findMachine } from "./machine-process.ts";
import { portTaken } from "./port-holder.ts";
import { QEMU_IMG } from "./programs.ts";
import { settle } from "./snapshot/settle.ts";
import { snapshotDisks } from "./snapshot/snapshot-disks.ts";
import { requireFit } from "./suspend/resume.ts";
import { readSaved } from "./suspend/saved-machine.ts";
import { readRuntime, requireVm, type VmFolder, type VmRecord, vmFolder } from "./vm-folder.ts";
import { connectVolumes } from "./volume/attach.ts";

/** Long for a program on this host to take a connection. */
const CONNECT_MS = 1_000;

/** Nothing stands in the way of a machine that runs. */
export async function checkStart(context: QemuContext, spec: VmSpec): Promise<void> {
  const { effects, home } = context;
  const folder = vmFolder(home, spec.id);
  const vm = await requireVm(effects, folder);
  if ((await findMachine(effects, folder, await readRuntime(effects, folder))) !== undefined) return;
  const saved = await readSaved(effects, folder);
  await settle(
    [
      () => requireDisks(context, folder, vm),
      () => connectVolumes(context, spec),
      () => requirePorts(effects, spec),
      async () => saved !== undefined && (await requireFit(context, { folder, vm, saved }, spec)),
    ],
    (check) => check(),
  );
}

/** The VM's own disks can be opened, and each layer below them. */
async function requireDisks(context: QemuContext, folder: VmFolder, vm: VmRecord): Promise<void> {
  for (const { path, what } of snapshotDisks(context, folder, vm, [])) {
    const args = ["info", "--backing-chain", "-f", "qcow2", "--output=json", path];
    const { code, stderr } = await context.effects.processes.run(QEMU_IMG, args, { ownGroup: true });
    if (code === 0) continue;
    const locked = /lock/.test(stderr);
    fail({
      code: "qemu/disk-unusable",
      address: `vm.${vm.name}`,
      summary: `${what}, or a layer below it, cannot be opened`,
      detail: stderr.trim() || `qemu-img ended with ${code ?? "a signal"}.`,
      hint: locked
        ? "Another QEMU has it open: see `vmlab doctor`."
        : `\`vmlab images verify --repair\` mends images; \`vmlab apply --replace vm.${vm.name}\` makes the VM anew.`,
    });
  }
}

/** Only ports that somebody chose: the kernel chooses the others among those that are free. */
async function requirePorts(effects: Effects, { name, ports }: VmSpec): Promise<void> {
  const chosen = wantedForwards(ports, []).filter((forward) => !forward.chosen && forward.protocol === "tcp");
  await settle(chosen, async (forward: Forward) => {
    if (await answers(effects, forward))
      throw new DiagnosticsError([await portTaken(effects, name, forward)]);
  });
}

/** A program listens there. One that is bound without listening is found by QEMU, at the start itself. */
async function answers({ network }: Effects, { address, host }: PortForward): Promise<boolean> {
  try {
    const target = { host: address === "0.0.0.0" ? "127.0.0.1" : address, port: host };
    (await network.connect(target, { timeoutMs: CONNECT_MS })).close();
    return true;
  } catch {
    return false;
  }
}
