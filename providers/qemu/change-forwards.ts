/** Forwarded ports of a running machine: bound and unbound live, whether declared or only until it stops. */
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import type { ForwardedPort, PortForward } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import {
  addForward,
  boundForwards,
  type Forward,
  ForwardRefused,
  forwardedPort,
  removeForward,
  resolveForwards,
  sameTarget,
  wantedForwards,
} from "./forwards.ts";
import { portTaken } from "./port-holder.ts";
import { withQmp } from "./qmp.ts";
import { requireRunning } from "./ready.ts";
import { type Runtime, type VmFolder, writeRecord } from "./vm-folder.ts";

/** The machine whose ports change. */
interface Target {
  readonly folder: VmFolder;
  readonly name: string;
  readonly runtime: Runtime;
}

/** Unbinds what is no longer declared, then binds what is new. Temporary ports stay, but for those in the way. */
export async function bringForwards(
  context: QemuContext,
  target: Target,
  ports: readonly PortForward[],
  signal: AbortSignal,
): Promise<Runtime> {
  const { forwards } = target.runtime;
  const wanted = wantedForwards(ports, forwards);
  const isSame = (a: Forward, b: Forward): boolean =>
    sameTarget(a, b) && a.chosen === b.chosen && (a.chosen || a.host === b.host);
  const added = wanted.filter((forward) => !forwards.some((old) => isSame(old, forward)));
  const removed = forwards.filter((old) =>
    old.purpose === "temporary"
      ? added.some((forward) => forward.host === old.host && forward.protocol === old.protocol)
      : !wanted.some((forward) => isSame(old, forward)),
  );
  return await change(context, target, { removed, added }, signal);
}

/** Binds a port until the machine stops. Where one like it is bound, that one is given back. */
export async function addTemporary(
  context: QemuContext,
  id: string,
  port: PortForward,
  signal: AbortSignal,
): Promise<ForwardedPort> {
  const { folder, vm, runtime } = await requireRunning(context, id);
  const leadsThere = (forward: PortForward): boolean =>
    forward.address === port.address &&
    forward.guest === port.guest &&
    forward.protocol === port.protocol &&
    (port.host === 0 || forward.host === port.host);
  const before = runtime.forwards.find(leadsThere);
  if (before !== undefined) return forwardedPort(before);
  const forward: Forward = { ...port, purpose: "temporary", chosen: port.host === 0 };
  const after = await change(
    context,
    { folder, name: vm.name, runtime },
    { removed: [], added: [forward] },
    signal,
  );
  const made = after.forwards.at(-1);
  if (made === undefined) throw new Error(`${id} has no forward after one was added`);
  return forwardedPort(made);
}

/** Unbinds a temporary port; one that is not there is no error. */
export async function removeTemporary(
  context: QemuContext,
  id: string,
  port: PortForward,
  signal: AbortSignal,
): Promise<void> {
  const { folder, vm, runtime } = await requireRunning(context, id);
  const removed = runtime.forwards.filter(
    (forward) =>
      forward.purpose === "temporary" &&
      forward.address === port.address &&
      forward.host === port.host &&
      forward.guest === port.guest &&
      forward.protocol === port.protocol,
  );
  await change(context, { folder, name: vm.name, runtime }, { removed, added: [] }, signal);
}

/** What was done is recorded also when a port fails. */
async function change(
  context: QemuContext,
  { folder, name, runtime }: Target,
  { removed, added }: { readonly removed: readonly Forward[]; readonly added: readonly Forward[] },
  signal: AbortSignal,
): Promise<Runtime> {
  if (removed.length === 0 && added.length === 0) return runtime;
  const { effects } = context;
  const present = runtime.forwards.filter((old) => !removed.includes(old));
  return await withQmp(effects, folder.qmpSocket, { signal }, async (qmp) => {
    const record = async (): Promise<Runtime> => {
      const now: Runtime = { ...runtime, forwards: resolveForwards(present, await boundForwards(qmp)) };
      await writeRecord(effects, folder.runtime, now);
      return now;
    };
    for (const forward of removed) await removeForward(qmp, forward);
    for (const forward of added) {
      try {
        await addForward(qmp, forward);
        present.push(forward);
      } catch (error) {
        await record();
        if (!(error instanceof ForwardRefused)) throw error;
        throw new DiagnosticsError([await portTaken(effects, name, forward)], { cause: error });
      }
    }
    return await record();
  });
}
