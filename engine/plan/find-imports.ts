/** Which of the asked imports are still to be made, and of what: reads what exists and who owns it. */
import { join } from "node:path";
import type { VmObservation } from "../../providers/provider.ts";
import type { Import } from "../config/imports.ts";
import { type Diagnostic, isDiagnosticsError, problem } from "../diagnostics.ts";
import { type LedgerLab, readLedger } from "../host/labs.ts";
import { FileStore } from "../state/file-store.ts";
import type { State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";

/** A machine that can be imported. */
export interface FoundMachine {
  readonly id: string;
  readonly observation: Extract<VmObservation, { state: "running" | "stopped" }>;
}

export interface FoundImports {
  /** By the address that they get. */
  readonly machines: ReadonlyMap<string, FoundMachine>;
  readonly diagnostics: readonly Diagnostic[];
}

export async function findImports(
  workspace: Workspace,
  asked: readonly Import[],
  state: State | undefined,
): Promise<FoundImports> {
  // Made before: nothing to do, so that the table can stay.
  const open = asked.filter(({ to, id }) => state?.resources[to]?.instance !== id);
  const machines = new Map<string, FoundMachine>();
  const diagnostics: Diagnostic[] = [];
  if (open.length === 0) return { machines, diagnostics };
  const [found, owners] = await Promise.all([
    workspace.providers.vm.read(open.map(({ id }) => id)),
    ownersOf(workspace, state),
  ]);
  for (const one of open) {
    const observation = found.get(one.id);
    const trouble = obstacle(one, state, owners, observation);
    if (trouble !== undefined) diagnostics.push(placed(workspace, one, trouble));
    else if (observation?.state === "running" || observation?.state === "stopped")
      machines.set(one.to, { id: one.id, observation });
  }
  return { machines, diagnostics };
}

interface Obstacle {
  readonly summary: string;
  readonly detail?: string;
  readonly hint: string;
}

function obstacle(
  { to, id }: Import,
  state: State | undefined,
  { owners, unread }: Owners,
  observation: VmObservation | undefined,
): Obstacle | undefined {
  const present = state?.resources[to];
  if (present !== undefined) {
    return {
      summary: `${to} exists already`,
      detail: `It is the machine ${present.instance ?? "without an id"}.`,
      hint: "Take this import out, or import to another address.",
    };
  }
  const owner = owners.get(id);
  if (owner !== undefined) {
    return {
      summary: `The machine ${id} is ${owner}`,
      hint: "Only a machine that no lab owns can be imported: let it be forgotten there first, with [[removed]] or `vmlab state rm`.",
    };
  }
  if (unread !== undefined) {
    return {
      summary: `Nobody can tell whether the machine ${id} is free`,
      detail: `The state of the lab ${unread.name} in ${unread.folder} cannot be read.`,
      hint: `\`vmlab -C ${unread.folder} state list\` says what is wrong with it.`,
    };
  }
  switch (observation?.state) {
    case "running":
    case "stopped":
      return undefined;
    case "incomplete":
    case "broken":
      return {
        summary: `The machine ${id} cannot be used`,
        detail: observation.state === "broken" ? observation.reason : "It was never finished.",
        hint: "Take this import out: the VM is then made anew.",
      };
    default:
      return {
        summary: `There is no machine ${id} on this host`,
        hint: "`vmlab doctor` lists machines that no state knows; `vmlab trash list` those that were deleted.",
      };
  }
}

interface Owners {
  /** Instance id → who has it, in words. */
  readonly owners: ReadonlyMap<string, string>;
  /** A lab whose state does not tell. */
  readonly unread: LedgerLab | undefined;
}

/** From this lab's records and those of the others on this host. */
async function ownersOf(workspace: Workspace, state: State | undefined): Promise<Owners> {
  let unread: LedgerLab | undefined;
  const { effects, home, tool } = workspace;
  const owners = new Map<string, string>();
  const add = (from: State, where: (address: string) => string): void => {
    for (const { address, instance, replacement } of Object.values(from.resources))
      for (const id of [instance, replacement?.instance])
        if (id !== undefined) owners.set(id, where(address));
  };
  for (const other of (await readLedger(effects, home)).labs) {
    if (other.lineage === state?.lineage) continue;
    try {
      const folder = join(other.folder, ".vmlab");
      const theirs = await new FileStore({ effects, folder, tool, anyPlace: true }).read();
      // Another lab may live in that folder by now.
      if (theirs?.lineage === other.lineage)
        add(theirs, (address) => `${address} of the lab ${other.name} (${other.folder})`);
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      unread = other;
    }
  }
  if (state !== undefined) add(state, (address) => `${address} of this lab`);
  return { owners, unread };
}

function placed({ lab }: Workspace, { to, origin }: Import, trouble: Obstacle): Diagnostic {
  const range = origin === undefined ? undefined : lab.locate(origin, { part: "key" });
  return problem({
    code: "plan/cannot-import",
    address: to,
    ...trouble,
    ...(range === undefined ? {} : { range }),
  });
}
