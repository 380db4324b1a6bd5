/** The labs that a watch looks at, each with what a look needs; and why one is left out. */
import type { LoadedLab } from "../../engine/config/load.ts";
import type { Lab } from "../../engine/config/types.ts";
import type { Diagnostic } from "../../engine/diagnostics.ts";
import { readLedger } from "../../engine/host/labs.ts";
import { alertSettings, DEFAULT_ALERTS } from "../../engine/host/operations/alert-settings.ts";
import { recordedSpecs } from "../../engine/operate/recorded-spec.ts";
import { vmsOf } from "../../engine/operate/select.ts";
import type { AlertedLab } from "../../engine/operate/watch/disk-finding.ts";
import type { WatchedLab } from "../../engine/operate/watch/look-at-lab.ts";
import type { StateStore } from "../../engine/state/store.ts";
import type { ResourceState, State } from "../../engine/state/types.ts";
import type { VmSpec } from "../../providers/provider.ts";
import type { CommandContext } from "../context.ts";
import { diagnosticsOf } from "../report-problem.ts";
import { loadLabAsIs, openMachines, requireLabFile, sensitiveVariables, workspaceOf } from "../workspace.ts";

export type OpenedLab =
  | OpenLab
  /** Nothing was made of it yet. */
  | { readonly state: "empty" }
  /** Another command changes it: what looks wrong now may be on its way. */
  | Busy
  | Unreadable;

export interface OpenLab {
  readonly state: "open";
  readonly lab: WatchedLab;
  readonly store: StateStore;
  /** Why some of it cannot be looked at. */
  readonly part?: Part;
  /** Absent when `[alerts]` is not known. */
  readonly alerted?: AlertedLab;
}

/** Its machines are looked at, and not all that lab.toml says about them. */
export interface Part {
  readonly state: "part";
  readonly name: string;
  readonly why: string;
}

export interface Busy {
  readonly state: "busy";
  readonly name: string;
  readonly why: string;
  readonly alerted?: AlertedLab;
}

export interface Unreadable {
  readonly state: "unreadable";
  /** The lab's name, or its folder where that is not known. */
  readonly name: string;
  readonly folder: string;
  readonly diagnostics: readonly Diagnostic[];
}

export interface WatchedFolders {
  /** Absolute, in a stable order. */
  readonly folders: readonly string[];
  /** Labs of which not even the folder is known. */
  readonly lost: readonly Unreadable[];
}

export async function watchedFolders(context: CommandContext, allLabs: boolean): Promise<WatchedFolders> {
  if (!allLabs) {
    await requireLabFile(context);
    return { folders: [context.folder], lost: [] };
  }
  const { effects, home } = context;
  const [{ labs, diagnostics }, host] = await Promise.all([readLedger(effects, home), effects.host.hostId()]);
  const folders = labs.filter((lab) => lab.host === host).map(({ folder }) => folder);
  const lost = diagnostics.map((one): Unreadable => {
    const name = "a lab whose record is damaged";
    return { state: "unreadable", name, folder: context.folder, diagnostics: [one] };
  });
  return { folders: [...new Set(folders)].sort(), lost };
}

/** What is wrong with one lab is told, and keeps no other from being looked at. */
export async function openWatched(outer: CommandContext, folder: string): Promise<OpenedLab> {
  const context: CommandContext = { ...outer, folder };
  try {
    const { store, state, providers } = await openMachines(context);
    if (state === undefined) return { state: "empty" };
    const why = await atWork(store);
    const loaded = await loadLabAsIs(context);
    const { lab: name, lineage } = state;
    const settings = loaded.document === undefined ? undefined : alertSettings(loaded.document);
    const alerted = settings === undefined ? {} : { alerted: { name, folder, lineage, settings } };
    if (why !== undefined) return { state: "busy", name, why, ...alerted };
    const part = partOf(loaded, state);
    return {
      state: "open",
      lab: await watched(context, loaded.lab, { state, providers, settings: settings ?? DEFAULT_ALERTS }),
      store,
      ...(part === undefined ? {} : { part }),
      ...alerted,
    };
  } catch (error) {
    return unreadable(context, folder, error);
  }
}

/**
 * Whether another command changed the lab after it was opened, or is at it now: a machine that was read as gone may have
 * been deleted or replaced meanwhile.
 */
export async function changedSince({ store, lab: { state } }: OpenLab): Promise<Busy | undefined> {
  const why = await atWork(store);
  if (why !== undefined) return { state: "busy", name: state.lab, why };
  const now = await store.read();
  const same =
    now?.lineage === state.lineage &&
    now.serial === state.serial &&
    now.journalSequence === state.journalSequence;
  return same ? undefined : { state: "busy", name: state.lab, why: "another command has just changed it" };
}

/** Who changes the lab; undefined: nobody. */
async function atWork(store: StateStore): Promise<string | undefined> {
  const lock = await store.lockHolder();
  if (lock === undefined || lock.alive === false) return undefined;
  const { command, pid } = lock.holder;
  return `${command} (pid ${pid}) is at work on it`;
}

export function unreadable(context: CommandContext, name: string, error: unknown): Unreadable {
  const { folder } = context;
  return { state: "unreadable", name, folder, diagnostics: diagnosticsOf(error, context) };
}

async function watched(
  context: CommandContext,
  lab: Lab | undefined,
  recorded: Pick<WatchedLab, "state" | "providers" | "settings">,
): Promise<WatchedLab> {
  const { state } = recorded;
  const facts = { name: state.lab, folder: context.folder, ...recorded };
  if (lab === undefined) return { ...facts, probeOf: () => undefined };
  const workspace = await workspaceOf(context, lab, () => undefined);
  const specOf = recordedSpecs(workspace, state, sensitiveVariables(lab));
  const probeOf = (vm: ResourceState): VmSpec | undefined => {
    if (vm.inputs.ready === undefined) return undefined;
    const spec = specOf(vm);
    return spec.ready === undefined || spec.partial === true ? undefined : spec;
  };
  return { ...facts, probeOf };
}

/** Undefined when nothing is lost: `[alerts]` needs no values, and without a ready.command nothing else is asked of lab.toml. */
function partOf({ lab, document, diagnostics }: LoadedLab, state: State): Part | undefined {
  if (lab !== undefined) return undefined;
  const lost = [
    ...(document === undefined ? ["[alerts]"] : []),
    ...(vmsOf(state).some(({ inputs }) => inputs.ready !== undefined) ? ["ready.command"] : []),
  ];
  if (lost.length === 0) return undefined;
  const [first] = diagnostics.filter(({ severity }) => severity === "error");
  const why = `without ${lost.join(" and ")}: ${first?.summary ?? "lab.toml is wrong"}`;
  return { state: "part", name: state.lab, why };
}
