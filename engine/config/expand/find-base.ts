/** Which image or role a VM stands on. */
import { isJsonObject, type JsonObject } from "../../json.ts";
import { mayHoldExpression } from "../expressions/template.ts";
import type { Finding } from "../findings.ts";
import type { Origin } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Evaluator } from "./evaluator.ts";
import type { ImageDeclarations } from "./image-declarations.ts";
import { type Base, vmSite } from "./lab-values.ts";

export interface BaseLookup {
  readonly document: JsonObject;
  readonly images: ImageDeclarations;
  readonly evaluator: Evaluator;
  readonly originOf: (table: string, name: string) => Origin;
  readonly findings: Finding[];
}

/** The highest layer that names an image or a role decides; then lab.image. Undefined when a finding was made. */
export function findBase(vm: VmDeclaration, lookup: BaseLookup): Base | undefined {
  const { document, findings } = lookup;
  const address = `vm.${vm.name}`;
  const layer = vm.layers.findLast(({ table }) => table.image !== undefined || table.role !== undefined);
  const at = (key: string) => (): Origin => ({
    ...(layer?.origin ?? vm.origin),
    path: [...(layer?.origin ?? vm.origin).path, key],
  });
  if (layer !== undefined && layer.table.image !== undefined && layer.table.role !== undefined) {
    findings.push({
      code: "config/image-and-role",
      summary: "A VM stands on an image or on a role, not on both",
      detail: "A role names the image it stands on itself.",
      origin: at("image")(),
      spot: { part: "key" },
      related: [{ message: "the role", origin: at("role")(), spot: { part: "key" } }],
      address,
      hint: "Keep the role, and set its image in [roles.NAME].",
    });
    return undefined;
  }
  const kind = layer?.table.role === undefined ? "image" : "role";
  const written = layer?.table[kind];
  if (written !== undefined) {
    const site = () => ({ ...vmSite(vm, [kind]), onlyVars: true });
    const name = mayHoldExpression(written) ? lookup.evaluator.known(written, "text", site()) : written;
    return name === undefined ? undefined : baseOf(kind, String(name), at(kind), address, lookup);
  }
  const fallback = isJsonObject(document.lab) ? document.lab.image : undefined;
  if (typeof fallback === "string")
    return baseOf("image", fallback, () => lookup.originOf("lab", "image"), address, lookup);
  findings.push({
    code: "config/no-image",
    summary: `vm.${vm.name} has neither an image nor a role`,
    origin: vm.origin,
    spot: { part: "key" },
    address,
    hint: 'Add image = "NAME" to it, or to [lab] for all VMs.',
  });
  return undefined;
}

function baseOf(
  kind: "image" | "role",
  name: string,
  place: () => Origin,
  address: string,
  lookup: BaseLookup,
): Base | undefined {
  const found = lookup.images.named(kind, name, place, address);
  if (found === undefined) return undefined;
  return { address: found.address, [kind]: name, user: found.inputs.user };
}
