/** Which running VMs would have to stop for something else to fit. */
import { shellQuote } from "../shell-words.ts";

/** What is missing of each; 0 or less: enough is there. Bytes of memory. */
export interface Shortage {
  readonly memory: number;
  readonly cpus: number;
  readonly vms: number;
}

/** A VM that runs and could be stopped. */
export interface RunningVm {
  readonly name: string;
  /** Absent: it belongs to the lab that asks. */
  readonly lab?: { readonly name: string; readonly folder: string };
  readonly memory: number;
  readonly cpus: number;
}

const AMOUNTS = ["memory", "cpus", "vms"] as const;

/**
 * As few as possible, of the own lab where those are enough, and of them the smallest that do; undefined when even all
 * together make too little room.
 */
export function vmsToStop(
  shortage: Shortage,
  running: readonly RunningVm[],
): readonly RunningVm[] | undefined {
  const own = running.filter(({ lab }) => lab === undefined);
  const pool = covers(own, shortage) ? own : running;
  if (!covers(pool, shortage)) return undefined;
  const chosen = smallest(withoutNeedless(largestFirst(shortage, pool), shortage), pool, shortage);
  return pool.filter((vm) => chosen.includes(vm));
}

/** `vmlab stop db` and `vmlab -C /labs/other stop a b`. */
export function stopCommands(vms: readonly RunningVm[]): string {
  const byFolder = new Map<string, string[]>();
  for (const { name, lab } of vms) {
    const folder = lab?.folder ?? "";
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), name]);
  }
  return [...byFolder]
    .map(([folder, names]) =>
      ["`vmlab", ...(folder === "" ? [] : ["-C", shellQuote(folder)]), "stop", `${names.join(" ")}\``].join(
        " ",
      ),
    )
    .join(" and ");
}

/** Takes again and again what covers most of what is still missing. With one amount that is the fewest there can be. */
function largestFirst(shortage: Shortage, pool: readonly RunningVm[]): readonly RunningVm[] {
  const chosen: RunningVm[] = [];
  const left = new Set(pool);
  while (!covers(chosen, shortage)) {
    const missing = missingAfter(chosen, shortage);
    let best: RunningVm | undefined;
    for (const vm of left) {
      // The own lab's come first in the pool, and stay unless another is really better.
      if (best === undefined || share(vm, missing) > share(best, missing)) best = vm;
    }
    if (best === undefined) break;
    chosen.push(best);
    left.delete(best);
  }
  return chosen;
}

/** With several amounts, what was taken first for one may be covered by what was taken later for another. */
function withoutNeedless(chosen: readonly RunningVm[], shortage: Shortage): readonly RunningVm[] {
  return chosen.reduce((kept, vm) => {
    const rest = kept.filter((other) => other !== vm);
    return covers(rest, shortage) ? rest : kept;
  }, chosen);
}

/** Puts smaller ones in the place of those that make more room than is needed. */
function smallest(
  chosen: readonly RunningVm[],
  pool: readonly RunningVm[],
  shortage: Shortage,
): readonly RunningVm[] {
  const result = [...chosen];
  for (const [index, vm] of result.entries()) {
    const others = result.filter((_, position) => position !== index);
    const fitting = pool.filter(
      (other) =>
        !result.includes(other) &&
        (vm.lab === undefined ? other.lab === undefined : true) &&
        covers([...others, other], shortage),
    );
    result[index] = fitting.reduce((least, other) => (isSmaller(other, least) ? other : least), vm);
  }
  return result;
}

function isSmaller(a: RunningVm, b: RunningVm): boolean {
  return a.memory < b.memory || (a.memory === b.memory && a.cpus < b.cpus);
}

function covers(vms: readonly RunningVm[], shortage: Shortage): boolean {
  const missing = missingAfter(vms, shortage);
  return AMOUNTS.every((what) => missing[what] <= 0);
}

function missingAfter(vms: readonly RunningVm[], shortage: Shortage): Shortage {
  return {
    memory: vms.reduce((missing, vm) => missing - vm.memory, shortage.memory),
    cpus: vms.reduce((missing, vm) => missing - vm.cpus, shortage.cpus),
    vms: shortage.vms - vms.length,
  };
}

/** How much of what is missing it gives: 1 for each amount that it covers alone. */
function share(vm: RunningVm, missing: Shortage): number {
  const given = { memory: vm.memory, cpus: vm.cpus, vms: 1 };
  return AMOUNTS.reduce(
    (total, what) => total + (missing[what] > 0 ? Math.min(1, given[what] / missing[what]) : 0),
    0,
  );
}
