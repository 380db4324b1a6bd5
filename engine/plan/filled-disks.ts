/** Whether a plan that makes or grows disks leaves a host on which every disk may fill. */
import { formatSize } from "../units.ts";
import type { DecidedLab } from "./decide-all.ts";
import type { PlanBasis } from "./make-plan.ts";
import type { PlanNote, Step } from "./types.ts";

export interface DiskRoom {
  /** Bytes that the disks of the plan come to take in addition. */
  readonly growth: number;
  /** Bytes that are free for disks, beside the reserve and what is downloaded. */
  readonly room: number;
}

/** A note when they may not: a plan that makes more of them is the moment to hear it. Looks at all machines of the host. */
export async function filledDisksNotes(
  basis: PlanBasis,
  decided: DecidedLab,
  { growth, room }: DiskRoom,
): Promise<PlanNote[]> {
  if (growth <= 0) return [];
  const { vm, volume } = basis.workspace.providers;
  const [vms, volumes] = await Promise.all([vm.usage(), volume.usage()]);
  const given = givenUp(basis, decided);
  const present = [...vms.values(), ...volumes].filter(({ id }) => !given.has(id));
  const all = present.reduce((total, { disk }) => total + disk.growth, growth);
  if (all <= room) return [];
  return [
    {
      text:
        `if every disk on this host fills, they take ${formatSize(all)} more, ${formatSize(growth)} of it by this plan, ` +
        `and there is room for ${formatSize(room)}: that is ${formatSize(all - room)} too much`,
    },
  ];
}

const ENDING: ReadonlySet<Step> = new Set(["create", "delete", "trash"]);

/** Ids of what the plan deletes or makes anew: what is in the trash grows no more. */
function givenUp({ state }: PlanBasis, { items }: DecidedLab): ReadonlySet<string> {
  return new Set(
    items.flatMap(({ address, decision: { steps } }) =>
      steps.some((step) => ENDING.has(step)) ? (state?.resources[address]?.instance ?? []) : [],
    ),
  );
}
