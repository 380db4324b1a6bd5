/** `[[removed]]`: what leaves the lab without being deleted. */
import { isJsonObject } from "../json.ts";
import type { Finding } from "./findings.ts";
import type { Lab, Origin, Resource } from "./types.ts";

interface Removal {
  readonly from: string;
  readonly destroy: boolean;
  readonly origin: Origin;
}

/** Addresses whose records are only dropped. */
export function forgottenAddresses(lab: Pick<Lab, "document" | "origins">): ReadonlySet<string> {
  return new Set(declaredRemovals(lab).flatMap(({ from, destroy }) => (destroy ? [] : [from])));
}

export function removalFindings(
  lab: Pick<Lab, "document" | "origins">,
  resources: readonly Resource[],
): Finding[] {
  const removals = declaredRemovals(lab);
  if (removals.length === 0) return [];
  const declared = new Map(resources.map((resource) => [resource.address, resource]));
  return removals.flatMap(({ from, origin }): Finding[] => {
    const still = declared.get(from);
    if (still === undefined) return [];
    return [
      {
        code: "config/removed-still-declared",
        summary: `${from} is removed, and declared all the same`,
        origin: { ...origin, path: [...origin.path, "from"] },
        address: from,
        related: [{ message: "declared here", origin: still.origin, spot: { part: "key" } }],
        hint: "Take its table out, or this [[removed]].",
      },
    ];
  });
}

function declaredRemovals({ document, origins }: Pick<Lab, "document" | "origins">): readonly Removal[] {
  const { removed } = document;
  return (Array.isArray(removed) ? removed : []).flatMap((item, index): Removal[] => {
    if (!isJsonObject(item)) return [];
    const origin = origins.get(`removed.${index}`) ?? { file: "lab.toml", path: ["removed", index] };
    return [{ from: String(item.from), destroy: item.destroy === true, origin }];
  });
}
