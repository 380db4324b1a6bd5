/** Brings a VM back from the trash into the state. */
import { fail } from "../engine/diagnostics.ts";
import type { JsonObject } from "../engine/json.ts";
import type { LockedStore } from "../engine/state/store.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import type { Providers, TrashedVm } from "../providers/provider.ts";
import type { CommandContext } from "./context.ts";
import { openLab, openStore } from "./workspace.ts";

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
  await requireDeclared(context, trashed, name, record);
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
      ...record,
      address,
      name,
      instance: trashed.id,
      powerOverride: { state: "stopped", by: "command", since: context.effects.clock.now() },
    };
    await providers.vm.restoreFromTrash(trashed.id);
    await locked.append([{ kind: "resource", address, resource }]);
  } finally {
    await locked.release();
  }
  return name;
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
  if (state.resources[address] === undefined) return;
  fail({
    code: "trash/name-taken",
    summary: `${address} exists`,
    detail: `The name of a restored VM must be free.`,
    hint: `Declare another VM like it in lab.toml and give its name: "vmlab trash restore ${trashed.id} --as NAME".`,
    address,
  });
}

/** A VM that lab.toml does not declare would be deleted again by the next apply. */
async function requireDeclared(
  context: CommandContext,
  trashed: TrashedVm,
  name: string,
  record: ResourceState,
): Promise<void> {
  const { expandLab } = await import("../engine/config/expand.ts");
  const lab = await openLab(context, {});
  const declared = (await expandLab(lab)).resources.find(({ address }) => address === `vm.${name}`);
  if (declared === undefined) {
    fail({
      code: "trash/not-declared",
      summary: `lab.toml does not declare vm.${name}`,
      detail: "The next apply would delete it again.",
      hint: `Write [vms.${name}] back into lab.toml, or restore it under a declared name with --as.`,
    });
  }
  const before = record.inputs.image;
  const after = "image" in declared.inputs ? declared.inputs.image : undefined;
  if (name === trashed.name && before !== after) {
    fail({
      code: "trash/declaration-changed",
      summary: `vm.${name} is declared with the image "${after}" now, and the deleted one stands on "${before}"`,
      hint: "The next apply would replace it. Restore it under another declared name with --as.",
    });
  }
}
