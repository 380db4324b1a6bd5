/** What a completion looks at: files only, each read once and only when asked for. What cannot be read is not there. */
import type { ListedBackup } from "../../engine/host/backup/list-backups.ts";
import type { Setting } from "../../engine/host/host-settings.ts";
import type { OperationRecord } from "../../engine/host/operations/record.ts";
import type { HistoryEntry } from "../../engine/state/store.ts";
import type { State } from "../../engine/state/types.ts";
import type { Snapshot } from "../../providers/provider.ts";
import type { CommandContext } from "../context.ts";
import { listTrashed, type Trashed, trashProviders } from "../trashed.ts";
import { openMachines, openStore } from "../workspace.ts";
import { type DeclaredNames, declaredNames } from "./declared-names.ts";

export interface Knowledge {
  state(): Promise<State | undefined>;
  declared(): Promise<DeclaredNames>;
  history(): Promise<readonly HistoryEntry[]>;
  /** Of the machines with these ids. */
  snapshots(ids: readonly string[]): Promise<readonly Snapshot[]>;
  /** Images in the store. */
  images(): Promise<readonly { readonly name: string }[]>;
  trash(): Promise<readonly Trashed[]>;
  operations(): Promise<readonly OperationRecord[]>;
  /** Of this host. */
  settings(): Promise<readonly Pick<Setting, "key" | "description">[]>;
  backups(): Promise<readonly ListedBackup[]>;
}

export function knowledgeOf(context: CommandContext): Knowledge {
  const { effects, home } = context;
  return {
    // A copied lab is refused by what changes it; its names are as good as any.
    state: once(undefined, async () => (await openStore(context, { anyPlace: true })).read()),
    declared: once(NOTHING_DECLARED, () => declaredNames(effects, context.folder)),
    history: once([], async () => (await openStore(context, { anyPlace: true })).history()),
    snapshots: (ids) =>
      soft([], async () => {
        const { providers } = await openMachines(context);
        return [...(await providers.vm.snapshots.list(ids)).values()].flat();
      }),
    images: once([], async () => {
      const { openRegistry } = await import("../images-commands/open-registry.ts");
      return await (await openRegistry(context)).list();
    }),
    trash: once([], async () => listTrashed(await trashProviders(context))),
    operations: once([], async () => {
      const { listOperations } = await import("../../engine/host/operations/store.ts");
      return await listOperations(effects, home);
    }),
    settings: once([], async () => {
      const { settingKeys } = await import("../../engine/host/host-settings.ts");
      return await settingKeys(effects);
    }),
    backups: once([], async () => {
      const { listBackups } = await import("../../engine/host/backup/list-backups.ts");
      return await listBackups(effects, home);
    }),
  };
}

const NOTHING_DECLARED: DeclaredNames = {
  environments: [],
  images: [],
  networks: [],
  roles: [],
  secrets: [],
  templates: [],
  vars: [],
  vms: [],
  volumes: [],
};

function once<T>(otherwise: T, read: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => (found ??= soft(otherwise, read));
}

/** Nobody asked for an error in the middle of typing: the command itself will tell. */
async function soft<T>(otherwise: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch {
    return otherwise;
  }
}
