/** VMs whose disk is declared smaller than that of the image they stand on: it would be cut off. */
import { formatSize } from "../../units.ts";
import type { Finding } from "../findings.ts";
import type { VmInputs } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { ImageDeclarations } from "./image-declarations.ts";
import { originInLayers } from "./layers.ts";

/** What is known before anything is made: the sizes that recipes ask for. Those of other images are known once they are in the store. */
export function findSmallDisk(
  vm: VmDeclaration,
  base: string | undefined,
  { disk }: VmInputs,
  images: ImageDeclarations,
): Finding[] {
  if (base === undefined || typeof disk !== "number") return [];
  const least = builtSize(base, images);
  if (least === undefined || disk >= least) return [];
  return [
    {
      code: "config/disk-too-small",
      summary: `vm.${vm.name} has a disk of ${formatSize(disk)}, and ${base} one of ${formatSize(least)}`,
      origin: originInLayers(vm.layers, ["disk"]),
      address: `vm.${vm.name}`,
      hint: `Set disk to ${formatSize(least).replace(" ", "")} or more, or give ${base} a smaller one.`,
    },
  ];
}

/** Bytes; undefined where no recipe says it. The biggest of the chain decides. */
function builtSize(base: string, images: ImageDeclarations): number | undefined {
  let size: number | undefined;
  const seen = new Set<string>();
  for (let address = base; !seen.has(address); ) {
    seen.add(address);
    const build = images.inputs(address)?.build;
    if (build === undefined) break;
    size = Math.max(size ?? 0, build.disk);
    address = build.parent;
  }
  return size;
}
