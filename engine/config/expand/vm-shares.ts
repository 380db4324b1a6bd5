/** A VM's shared folders, and that nothing is mounted twice in one place of its guest. */
import { isAbsolute } from "node:path";
import type { Finding } from "../findings.ts";
import { explainPathProblem, labRelative } from "../lab-paths.ts";
import type { AttachmentInputs, Origin, ShareInputs } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import { tableOf } from "./lab-values.ts";
import { originInLayers } from "./layers.ts";

/** Whether the folders exist is looked at with the lab's other files. */
export function vmShares(
  vm: VmDeclaration,
  volumes: readonly AttachmentInputs[],
  findings: Finding[],
): readonly ShareInputs[] {
  const list = Array.isArray(vm.settings.shares) ? vm.settings.shares : [];
  if (list.length + volumes.length === 0) return [];
  const shares: ShareInputs[] = [];
  for (const [index, value] of list.entries()) {
    const { from, to, readonly = false } = tableOf(value);
    const origin = originInLayers(vm.layers, ["shares", index]);
    const target = isAbsolute(String(from)) ? { path: String(from) } : labRelative(origin.file, String(from));
    if ("problem" in target) {
      findings.push({
        code: "config/path-outside",
        summary: `${String(from)} is outside of the lab's folder`,
        ...explainPathProblem(target.problem),
        origin: { ...origin, path: [...origin.path, "from"] },
        address: `vm.${vm.name}`,
        hint: "Share a folder of the lab, or name another one by its absolute path.",
      });
      continue;
    }
    shares.push({ from: target.path, to: String(to), readonly: readonly === true });
  }
  findings.push(...clashes(vm, volumes, shares));
  return shares;
}

function clashes(
  vm: VmDeclaration,
  volumes: readonly AttachmentInputs[],
  shares: readonly ShareInputs[],
): Finding[] {
  const places = [
    ...volumes.map(({ name, mount }) => ({ what: `volume.${name}`, at: mount })),
    ...shares.map(({ from, to }) => ({ what: from, at: to })),
  ];
  return places.flatMap(({ what, at }, index) => {
    const first = at === undefined ? index : places.findIndex((place) => place.at === at);
    if (first === index) return [];
    return [
      {
        code: "config/mount-clash",
        summary: `vm.${vm.name} would mount both ${places[first]?.what} and ${what} at ${at}`,
        origin: listOrigin(vm, index < volumes.length ? "volumes" : "shares"),
        address: `vm.${vm.name}`,
        hint: "Choose another place for one of them.",
      },
    ];
  });
}

function listOrigin(vm: VmDeclaration, list: "volumes" | "shares"): Origin {
  return originInLayers(vm.layers, [list]);
}
