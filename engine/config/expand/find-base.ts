/** Which image and role a VM stands on. */
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { ImageInputs, Origin } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Base } from "./lab-values.ts";

export interface BaseLookup {
  readonly document: JsonObject;
  readonly images: ReadonlyMap<string, ImageInputs | undefined>;
  readonly originOf: (table: string, name: string) => Origin;
  readonly findings: Finding[];
}

/** The highest layer that names an image or a role decides; then lab.image. Undefined when a finding was made. */
export function findBase(vm: VmDeclaration, lookup: BaseLookup): Base | undefined {
  const { document, findings } = lookup;
  const address = `vm.${vm.name}`;
  const layer = vm.layers.findLast(({ table }) => table.image !== undefined || table.role !== undefined);
  if (layer !== undefined && layer.table.image !== undefined && layer.table.role !== undefined) {
    const at = (key: string): Origin => ({ ...layer.origin, path: [...layer.origin.path, key] });
    findings.push({
      code: "config/image-and-role",
      summary: "A VM stands on an image or on a role, not on both",
      detail: "A role names the image it stands on itself.",
      origin: at("image"),
      spot: { part: "key" },
      related: [{ message: "the role", origin: at("role"), spot: { part: "key" } }],
      address,
      hint: "Keep the role, and set its image in [roles.NAME].",
    });
    return undefined;
  }
  if (typeof layer?.table.role === "string") {
    const place = () => ({ ...layer.origin, path: [...layer.origin.path, "role"] });
    return baseOfRole(layer.table.role, place, address, lookup);
  }
  if (typeof layer?.table.image === "string") {
    const place = () => ({ ...layer.origin, path: [...layer.origin.path, "image"] });
    return baseOfImage(layer.table.image, place, address, lookup);
  }
  const fallback = labImage(document);
  const labPlace = () => lookup.originOf("lab", "image");
  if (fallback !== undefined) return baseOfImage(fallback, labPlace, address, lookup);
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

/** Places are asked for only when there is a finding to show. */
function baseOfRole(
  role: string,
  origin: () => Origin,
  address: string,
  lookup: BaseLookup,
): Base | undefined {
  const { document, findings } = lookup;
  const roles = isJsonObject(document.roles) ? document.roles : {};
  const table = roles[role];
  if (!isJsonObject(table)) {
    findings.push(unknown("role", role, Object.keys(roles), origin(), address));
    return undefined;
  }
  const image = table.image ?? labImage(document);
  if (typeof image !== "string") {
    findings.push({
      code: "config/no-image",
      summary: `The role "${role}" does not say which image it stands on`,
      origin: lookup.originOf("roles", role),
      spot: { part: "key" },
      hint: 'Add image = "NAME" to it, or to [lab] for all roles and VMs.',
    });
    return undefined;
  }
  const at = () => {
    if (table.image === undefined) return lookup.originOf("lab", "image");
    const place = lookup.originOf("roles", role);
    return { ...place, path: [...place.path, "image"] };
  };
  const base = baseOfImage(image, at, undefined, lookup);
  return base === undefined ? undefined : { ...base, role };
}

function baseOfImage(
  image: string,
  origin: () => Origin,
  address: string | undefined,
  lookup: BaseLookup,
): Base | undefined {
  if (!lookup.images.has(image)) {
    lookup.findings.push(unknown("image", image, lookup.images.keys(), origin(), address));
    return undefined;
  }
  const user = lookup.images.get(image)?.user;
  return user === undefined ? undefined : { image, user };
}

function labImage(document: JsonObject): string | undefined {
  const image = isJsonObject(document.lab) ? document.lab.image : undefined;
  return typeof image === "string" ? image : undefined;
}

function unknown(
  noun: string,
  name: string,
  names: Iterable<string>,
  origin: Origin,
  address?: string,
): Finding {
  const hint = nameHint(name, names, `${noun}s`);
  return {
    code: "config/unknown-reference",
    summary: `There is no ${noun} "${name}"`,
    origin,
    // Many VMs may stand on one wrong name: the place tells enough.
    ...(address === undefined ? {} : { address }),
    ...(hint === undefined ? {} : { hint }),
  };
}
