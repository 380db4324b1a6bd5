/** A volume that a VM outside of the plan still has can neither be given to another nor be made anew. */
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { State } from "../state/types.ts";
import type { DecidedResource } from "./operations.ts";
import { volumesOf } from "./volume-moves.ts";

export function holderProblems(
  items: readonly DecidedResource[],
  state: State | undefined,
): readonly Diagnostic[] {
  const wanted = items.flatMap((item) => [
    ...item.attaches.map((volume) => ({ volume, by: item.address })),
    ...(item.decision.steps.includes("trash") ? [{ volume: item.address, by: undefined }] : []),
  ]);
  if (wanted.length === 0 || state === undefined) return [];
  const holders = new Map<string, string[]>();
  for (const { address, type, inputs } of Object.values(state.resources)) {
    if (type !== "vm") continue;
    for (const volume of volumesOf(inputs)) holders.set(volume, [...(holders.get(volume) ?? []), address]);
  }
  const releases = new Set(
    items.flatMap((item) => item.releases.map((volume) => `${item.address} ${volume}`)),
  );
  return wanted.flatMap(({ volume, by }) => {
    const holder = holders.get(volume)?.find((one) => one !== by && !releases.has(`${one} ${volume}`));
    if (holder === undefined) return [];
    return [
      problem({
        code: "plan/volume-in-use",
        address: by ?? volume,
        summary:
          by === undefined
            ? `${volume} cannot go: ${holder} still has it`
            : `${by} cannot take ${volume}: ${holder} still has it`,
        detail: `${holder} is no part of this plan.`,
        hint: `Add --target ${holder}, or plan without --target and --exclude.`,
      }),
    ];
  });
}
