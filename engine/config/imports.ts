/** `[[imports]]`: machines that exist and become VMs of the lab. */
import { isJsonObject } from "../json.ts";
import type { Finding } from "./findings.ts";
import { nameHint } from "./nearest-name.ts";
import type { Lab, Origin, Resource } from "./types.ts";

export interface Import {
  /** `vm.web`. */
  readonly to: string;
  /** Instance id. */
  readonly id: string;
  /** Absent for one that the command line asks for. */
  readonly origin?: Origin;
}

export function declaredImports({ document, origins }: Pick<Lab, "document" | "origins">): readonly Import[] {
  const { imports } = document;
  return (Array.isArray(imports) ? imports : []).flatMap((item, index): Import[] => {
    if (!isJsonObject(item)) return [];
    const origin = origins.get(`imports.${index}`) ?? { file: "lab.toml", path: ["imports", index] };
    return [{ to: String(item.to), id: String(item.id), origin }];
  });
}

export function importFindings(
  lab: Pick<Lab, "document" | "origins">,
  resources: readonly Resource[],
): Finding[] {
  const imports = declaredImports(lab);
  if (imports.length === 0) return [];
  const vms = new Set(resources.flatMap(({ type, address }) => (type === "vm" ? [address] : [])));
  const first = new Map<string, Import>();
  return imports.flatMap((one): Finding[] => {
    const origin = one.origin ?? { file: "lab.toml", path: [] };
    if (!vms.has(one.to)) {
      const hint = nameHint(one.to, vms, "VMs");
      return [
        {
          code: "config/unknown-reference",
          summary: `${one.to}, which is to be imported, is not declared`,
          origin: { ...origin, path: [...origin.path, "to"] },
          ...(hint === undefined ? {} : { hint }),
        },
      ];
    }
    const other = first.get(one.to) ?? first.get(one.id);
    first.set(one.to, one).set(one.id, one);
    if (other?.origin === undefined) return [];
    return [
      {
        code: "config/duplicate-item",
        summary: `${one.to === other.to ? one.to : `The machine ${one.id}`} is imported twice`,
        origin,
        spot: { part: "key" },
        related: [{ message: "first here", origin: other.origin, spot: { part: "key" } }],
        hint: "Keep one of them.",
      },
    ];
  });
}
