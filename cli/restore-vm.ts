/** Brings a VM back from the trash into the state. */
import { join } from "node:path";
import { withVolumes } from "../engine/apply/volume-records.ts";
import { addTable } from "../engine/config/edit.ts";
import { expandLab } from "../engine/config/expand.ts";
import type { VmInputs } from "../engine/config/types.ts";
import { fail } from "../engine/diagnostics.ts";
import type { JsonObject } from "../engine/json.ts";
import type { LockedStore } from "../engine/state/store.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import type { Providers, TrashedVm, VmProvider } from "../providers/provider.ts";
import type { CommandContext } from "./context.ts";
import { type DeclaredSettings, declaredSettings } from "./declared-settings.ts";
import { type FileEdit, writeEdits } from "./edited-files.ts";
import { LAB_FILE, openLab, openStore } from "./workspace.ts";

/** Resolves with the name it has now. The VM is stopped and stays so until started. */
export async function restoreVm(
  context: CommandContext,
  providers: Providers,
  trashed: TrashedVm,
  as: string | undefined,
): Promise<string> {
  const name = as ?? trashed.name;
  const address = `vm.${name}`;
  const record = recordOf(trashed.record);
  const store = await openStore(context);
  const edit = await declarationEdit(context, trashed, name, record);
  const locked: LockedStore = await store.lock("trash restore", { timeoutMs: 0 });
  try {
    const state = await locked.read();
    if (state === undefined || state.lineage !== trashed.lineage) {
      fail({
        code: "trash/other-lab",
        summary: `${trashed.name} belongs to ${state === undefined ? "a lab that was destroyed" : `another lab (${trashed.lab})`}`,
        hint:
          state === undefined
            ? `Run "vmlab state history" and "vmlab state restore" first, or make the lab again and copy what you need.`
            : `Run this in the folder of the lab ${trashed.lab}.`,
      });
    }
    requireFree(state, address, trashed);
    const resource: ResourceState = {
      ...ownRecord(record),
      address,
      name,
      instance: trashed.id,
      powerOverride: { state: "stopped", by: "command", since: context.effects.clock.now() },
    };
    // Durable first: after a crash in between, this command or a plan mends a record without its machine. A machine
    // without a record would be lost.
    await locked.append([{ kind: "resource", address, resource }]);
    try {
      await providers.vm.restoreFromTrash(trashed.id);
    } catch (error) {
      await takeBack(locked, providers.vm, resource);
      throw error;
    }
    if (edit !== undefined) {
      await writeEdits(context.effects, [edit]);
      context.terminal.out.write(`${writtenBack(name, edit.left)}\n`);
    }
  } finally {
    await locked.release();
  }
  return name;
}

/** A machine that did not come out of the trash has no record; one that did keeps it, whatever failed then. */
async function takeBack(locked: LockedStore, provider: VmProvider, resource: ResourceState): Promise<void> {
  const { address, instance = "" } = resource;
  if ((await provider.read([instance])).get(instance)?.state !== "absent") return;
  await locked.append([{ kind: "resource", address, resource: null }]);
}

/**
 * What the record says of this very machine. Where it tells of a replacement, the steps in it are those of the other
 * machine; how it was powered when it was deleted is over.
 */
function ownRecord(record: ResourceState): ResourceState {
  const { powerOverride: _power, replacement, ...rest } = record;
  // Another VM may have its volumes by now: the next apply attaches those that are declared.
  const free = withVolumes(rest, () => false);
  const { restartOld, ...own } = free as typeof free & { readonly restartOld?: boolean };
  if (replacement === undefined && restartOld === undefined) return own;
  const { stepsDone: _steps, provisioned: _provisioned, ...untouched } = own;
  return untouched;
}

function writtenBack(name: string, left: readonly string[]): string {
  const wrote = `Wrote [vms.${name}] to ${LAB_FILE}; steps and env of its own are not in it.`;
  if (left.length === 0) return wrote;
  return `${wrote}\nLeft out, because they hold sensitive values: ${left.join(", ")}. Declare them again.`;
}

function recordOf(record: JsonObject): ResourceState {
  if (record.type !== "vm" || typeof record.name !== "string") {
    fail({
      code: "trash/no-record",
      summary: "the trash has lost what it knew of this VM",
      hint: `Its disk is still in its folder under VMLAB_HOME.`,
    });
  }
  return record as unknown as ResourceState;
}

function requireFree(state: State, address: string, trashed: TrashedVm): void {
  const present = state.resources[address];
  // The same machine: an earlier restore was cut off between its record and its move.
  if (present === undefined || present.instance === trashed.id) return;
  fail({
    code: "trash/name-taken",
    summary: `${address} exists`,
    detail: "The name of a restored VM must be free.",
    hint: `Give it another name: "vmlab trash restore ${trashed.id} --as NAME".`,
    address,
  });
}

/** `image.web` or `role.docker`, whether it fell back to the image below or not. */
function standsOn(inputs: object): string {
  const { image, role } = inputs as Pick<VmInputs, "image" | "role">;
  return role === undefined ? `image.${image}` : `role.${role}`;
}

/**
 * A VM that lab.toml does not declare would be deleted again by the next apply, so its table is written back: what it
 * stands on and its size, as recorded. One that is declared otherwise now would be replaced, and is refused.
 */
async function declarationEdit(
  context: CommandContext,
  trashed: TrashedVm,
  name: string,
  record: ResourceState,
): Promise<(FileEdit & Pick<DeclaredSettings, "left">) | undefined> {
  const lab = await openLab(context, {});
  const declared = expandLab(lab).resources.find(({ address }) => address === `vm.${name}`);
  if (declared === undefined) {
    const path = join(context.folder, LAB_FILE);
    const before = await context.effects.files.readText(path);
    const { settings, left } = declaredSettings(record.inputs);
    return { path, before, after: await addTable(before, ["vms", name], settings), left };
  }
  const before = standsOn(record.inputs);
  const after = standsOn(declared.inputs);
  if (before !== after) {
    fail({
      code: "trash/declaration-changed",
      summary: `vm.${name} is declared on ${after} now, and the deleted one stands on ${before}`,
      hint: `The next apply would replace it. Restore it under another name: "vmlab trash restore ${trashed.id} --as NAME".`,
    });
  }
  return undefined;
}
