/** Brings a volume back from the trash into the state. */
import { join } from "node:path";
import { addTable } from "../engine/config/edit.ts";
import { expandLab } from "../engine/config/expand.ts";
import type { VolumeInputs } from "../engine/config/types.ts";
import { fail } from "../engine/diagnostics.ts";
import type { ResourceState } from "../engine/state/types.ts";
import { formatSize } from "../engine/units.ts";
import type { Providers, TrashedVolume } from "../providers/provider.ts";
import type { CommandContext } from "./context.ts";
import { declaredSize } from "./declared-settings.ts";
import { type FileEdit, writeEdits } from "./edited-files.ts";
import { LAB_FILE, openLab, openStore } from "./workspace.ts";

/** Resolves with the address it has now. It is attached to nothing: the next apply attaches it where it is declared. */
export async function restoreVolume(
  context: CommandContext,
  providers: Providers,
  trashed: TrashedVolume,
  as: string | undefined,
): Promise<string> {
  const record = trashed.record as unknown as ResourceState;
  const name = as ?? trashed.name;
  const address = `volume.${name}`;
  const edit = await declarationEdit(context, name, record);
  const locked = await (await openStore(context)).lock("trash restore", { timeoutMs: 0 });
  try {
    const state = await locked.read();
    if (state?.lineage !== trashed.lineage) {
      fail({
        code: "trash/other-lab",
        summary: `volume.${trashed.name} belongs to ${state === undefined ? "a lab that was destroyed" : `another lab (${trashed.lab})`}`,
        hint:
          state === undefined
            ? 'Run "vmlab state history" and "vmlab state restore" first.'
            : `Run this in the folder of the lab ${trashed.lab}.`,
      });
    }
    const present = state.resources[address];
    // The same volume: an earlier restore was cut off between its record and its move.
    if (present !== undefined && present.instance !== trashed.id) {
      fail({
        code: "trash/name-taken",
        summary: `${address} exists`,
        detail: "The name of a restored volume must be free.",
        hint: `Give it another name: "vmlab trash restore ${trashed.id} --as NAME".`,
        address,
      });
    }
    // Durable first: a volume without a record would be lost; a record without its volume is told by the next plan.
    const resource: ResourceState = { ...record, address, name, instance: trashed.id };
    await locked.append([{ kind: "resource", address, resource }]);
    await providers.volume.restoreFromTrash(trashed.id);
    if (edit !== undefined) {
      await writeEdits(context.effects, [edit]);
      context.terminal.out.write(`Wrote [volumes.${name}] to ${LAB_FILE}.\n`);
    }
  } finally {
    await locked.release();
  }
  return address;
}

/** A volume that lab.toml does not declare would be deleted again by the next apply, so its table is written back. One
 * that is declared smaller, or with another file system, could not stay as it is, and is refused. */
async function declarationEdit(
  context: CommandContext,
  name: string,
  record: ResourceState,
): Promise<FileEdit | undefined> {
  const { size, filesystem } = record.inputs as unknown as VolumeInputs;
  const declared = expandLab(await openLab(context, {})).resources.find(
    ({ address }) => address === `volume.${name}`,
  );
  if (declared === undefined) {
    const path = join(context.folder, LAB_FILE);
    const before = await context.effects.files.readText(path);
    const lifecycle = record.preventDestroy ? { lifecycle: { prevent_destroy: true } } : {};
    const table = { size: declaredSize(size), filesystem, ...lifecycle };
    return { path, before, after: await addTable(before, ["volumes", name], table) };
  }
  const wanted = declared.inputs as VolumeInputs;
  if (wanted.size >= size && wanted.filesystem === filesystem) return undefined;
  return fail({
    code: "trash/declaration-changed",
    summary: `volume.${name} is declared with ${formatSize(wanted.size)} and ${wanted.filesystem} now, and the deleted one has ${formatSize(size)} and ${filesystem}`,
    hint: "Change the declaration, or restore it under another name with --as.",
    address: `volume.${name}`,
  });
}
