/** Notes on VMs that a plan would delete and make anew although they were probably only renamed. */
import type { ResourceState } from "../state/types.ts";
import { compareInputs } from "./compare-inputs.ts";
import type { DecidedResource } from "./operations.ts";
import type { PlanNote } from "./types.ts";

/** One note for each such pair. Where several could be meant, none. O(deleted × created). */
export function renameHints(
  items: readonly DecidedResource[],
  recorded: Readonly<Record<string, ResourceState>>,
): PlanNote[] {
  const created = items.filter(
    ({ decision }) => decision.action === "create" && decision.planned?.type === "vm" && isNew(decision),
  );
  if (created.length === 0) return [];
  const deleted = items.filter(
    ({ address, removal, decision }) => removal && decision.action === "delete" && address.startsWith("vm."),
  );
  const alike = (old: DecidedResource, fresh: DecidedResource): boolean => {
    const before = recorded[old.address]?.inputs;
    const after = fresh.decision.planned?.inputs;
    return before !== undefined && after !== undefined && compareInputs(before, after).length === 0;
  };
  const notes: PlanNote[] = [];
  for (const old of deleted) {
    const counted = created.find(({ address }) => isFirstOf(address, old.address));
    const candidates = counted === undefined ? created.filter((fresh) => alike(old, fresh)) : [counted];
    const [fresh] = candidates;
    if (fresh === undefined || candidates.length > 1) continue;
    if (counted === undefined && deleted.filter((other) => alike(other, fresh)).length > 1) continue;
    notes.push(noteOf(old.address, fresh.address, counted === undefined));
  }
  return notes;
}

function isNew({ reasons }: DecidedResource["decision"]): boolean {
  return reasons.some(({ kind }) => kind === "new");
}

/** One of them is the first of the counted VMs that the other became, or that became the other. */
function isFirstOf(a: string, b: string): boolean {
  return a === `${b}-1` || b === `${a}-1`;
}

function noteOf(from: string, to: string, sameSettings: boolean): PlanNote {
  const why = sameSettings ? ", which has the same settings" : "";
  return {
    address: to,
    text:
      `${from} is deleted, and ${to} made${why}. If it is the same machine, keep it by adding to lab.toml:\n` +
      `  [[moved]]\n  from = "${from}"\n  to = "${to}"`,
  };
}
