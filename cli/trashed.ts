/** The trash as one list: VMs and volumes, newest first. */
import type { Providers, TrashedVm } from "../providers/provider.ts";
import type { CommandContext } from "./context.ts";
import { isFakeLab } from "./fake-lab.ts";
import { openProviders } from "./workspace.ts";

export interface Trashed extends TrashedVm {
  readonly kind: "vm" | "volume";
}

export async function listTrashed({ vm, volume }: Providers): Promise<readonly Trashed[]> {
  const [vms, volumes] = await Promise.all([vm.trash(), volume.trash()]);
  const all = [
    ...vms.map((one): Trashed => ({ ...one, kind: "vm" })),
    ...volumes.map((one): Trashed => ({ ...one, kind: "volume" })),
  ];
  return all.sort((a, b) => b.deletedAt - a.deletedAt);
}

export async function emptyTrashed({ vm, volume }: Providers, { kind, id }: Trashed): Promise<void> {
  await (kind === "vm" ? vm : volume).emptyTrash(id);
}

/** The provider that lab.toml names; outside of a lab, the one for real machines. The trash is the host's. */
export async function trashProviders(context: CommandContext): Promise<Providers> {
  return await openProviders(context, (await isFakeLab(context)) ? "fake" : "qemu");
}
