/** VMs that begin as a clone of another: which one, and the settings that they take over from it. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { CloneInputs } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { ExpandInput } from "./lab-values.ts";
import { type Layer, mergeLayers, originInLayers } from "./layers.ts";

/** What a machine is made of, beside what is on its disk. */
const TAKEN_OVER = ["cpus", "memory", "disk", "firmware", "machine"] as const;

type Vms = ReadonlyMap<string, VmDeclaration>;

/** The declarations, with what clones take over as their lowest layer. In the same order. */
export function withCloneSources(vms: Vms, recorded: ExpandInput["recorded"], findings: Finding[]): Vms {
  const lab: CloneLab = { vms, recorded, findings, resolved: new Map() };
  const clones = [...vms.values()].filter(({ settings }) => settings.clone !== undefined);
  if (clones.length === 0) return vms;
  for (const vm of clones) resolve(vm, lab, []);
  return new Map([...vms].map(([name, vm]) => [name, lab.resolved.get(name) ?? vm]));
}

interface CloneLab {
  readonly vms: Vms;
  readonly recorded: ExpandInput["recorded"];
  readonly findings: Finding[];
  readonly resolved: Map<string, VmDeclaration>;
}

/** `below`: the clones that led here. */
function resolve(vm: VmDeclaration, lab: CloneLab, below: readonly string[]): VmDeclaration {
  const known = lab.resolved.get(vm.name);
  if (known !== undefined) return known;
  const inputs = cloneInputs(vm, lab.findings);
  if (inputs === undefined) return vm;
  const { inputs: before } = lab.recorded[`vm.${vm.name}`] ?? {};
  const lowest =
    before === undefined ? fromSource(vm, inputs, lab, [...below, vm.name]) : fromRecord(vm, before);
  const layers = lowest === undefined ? vm.layers : [lowest, ...vm.layers];
  const clone = { inputs, ...(before === undefined ? {} : { recorded: before }) };
  const result = { ...vm, layers, settings: mergeLayers(layers), clone };
  lab.resolved.set(vm.name, result);
  return result;
}

/** The highest layer that says what the VM stands on decides. Undefined when that is an image or a role. */
function cloneInputs(vm: VmDeclaration, findings: Finding[]): CloneInputs | undefined {
  const layer = vm.layers.findLast(({ table }) => ["image", "role", "clone"].some((key) => key in table));
  const raw = layer?.table.clone;
  if (layer === undefined || raw === undefined) return undefined;
  const other = (["image", "role"] as const).find((key) => layer.table[key] !== undefined);
  if (other !== undefined) {
    findings.push({
      code: "config/image-and-clone",
      summary: `A clone stands on what the VM stands on that it is a clone of, not on ${other === "image" ? "an image" : "a role"} of its own`,
      origin: { ...layer.origin, path: [...layer.origin.path, other] },
      spot: { part: "key" },
      related: [
        {
          message: "the clone",
          origin: { ...layer.origin, path: [...layer.origin.path, "clone"] },
          spot: { part: "key" },
        },
      ],
      address: `vm.${vm.name}`,
      hint: `Take ${other} or clone out.`,
    });
  }
  const table: JsonObject = isJsonObject(raw) ? raw : { vm: raw };
  const { snapshot } = table;
  return {
    vm: fullName(vm, String(table.vm)),
    ...(typeof snapshot === "string" ? { snapshot } : {}),
    full: table.full === true,
  };
}

/** The source's name in the lab. A module knows its VMs by their own names. */
function fullName(vm: VmDeclaration, written: string): string {
  const { members, module } = vm.scope;
  if (written.startsWith("member.")) {
    const member = members?.[written.slice("member.".length)];
    return typeof member === "string" ? member : written;
  }
  return module === undefined ? written : `${module}-${written}`;
}

function fromSource(
  vm: VmDeclaration,
  { vm: name }: CloneInputs,
  lab: CloneLab,
  below: readonly string[],
): Layer | undefined {
  const origin = originInLayers(vm.layers, ["clone"]);
  if (below.includes(name)) {
    lab.findings.push({
      code: "config/clone-cycle",
      summary: `VMs are clones of each other: ${[...below.slice(below.indexOf(name)), name].join(" → ")}`,
      origin,
      address: `vm.${vm.name}`,
      hint: "Let one of them stand on an image or a role.",
    });
    return undefined;
  }
  const source = lab.vms.get(name);
  if (source === undefined) {
    const hint = nameHint(name, lab.vms.keys(), "VMs", "The lab");
    lab.findings.push({
      code: "config/unknown-reference",
      summary: `There is no VM "${name}" to clone`,
      origin,
      address: `vm.${vm.name}`,
      ...(hint === undefined ? {} : { hint }),
    });
    return undefined;
  }
  const { settings, origin: place } = resolve(source, lab, below);
  return { table: taken(settings), origin: place };
}

function taken(settings: JsonObject): JsonObject {
  const table: Record<string, Json> = {};
  for (const key of TAKEN_OVER) if (settings[key] !== undefined) table[key] = settings[key];
  const user = isJsonObject(settings.login) ? settings.login.user : undefined;
  if (user !== undefined) table.login = { user };
  return table;
}

/** A value that the state keeps as an expression is taken from nowhere: it has to be declared. */
function fromRecord(vm: VmDeclaration, recorded: JsonObject): Layer {
  const plain = Object.entries(taken(recorded)).filter(([, value]) => !isJsonObject(value));
  const user = isJsonObject(recorded.login) ? recorded.login.user : undefined;
  const login = typeof user === "string" ? { login: { user } } : {};
  return { table: { ...Object.fromEntries(plain), ...login }, origin: vm.origin };
}
