/** The lab's volumes, and which VM has which of them. */
import type { Json, JsonObject } from "../../json.ts";
import { formatSize } from "../../units.ts";
import { LAB_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import { defaultsOf } from "../schema.ts";
import type { AttachmentInputs, Origin, Scope, VolumeInputs } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Evaluator } from "./evaluator.ts";
import { tableOf } from "./lab-values.ts";
import { originInLayers } from "./layers.ts";

/** No file system fits into less. */
const SMALLEST = 2 ** 20;

const defaults = defaultsOf("Volume");
const attachmentDefaults = defaultsOf("Attachment");

export interface DeclaredVolume {
  readonly name: string;
  readonly inputs: VolumeInputs;
  readonly preventDestroy: boolean;
  readonly origin: Origin;
}

export interface VolumeSurroundings {
  readonly document: JsonObject;
  readonly originOf: (table: string, name: string) => Origin;
  readonly scopeOf: (table: string, name: string) => Scope;
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
}

/** Where a volume is attached. */
interface Holder {
  readonly vm: VmDeclaration;
  readonly origin: Origin;
}

export class LabVolumes {
  readonly #around: VolumeSurroundings;
  readonly #names: readonly string[];
  readonly #declared = new Map<string, DeclaredVolume>();
  readonly #attachments = new Map<string, readonly AttachmentInputs[]>();

  constructor(around: VolumeSurroundings, vms: ReadonlyMap<string, VmDeclaration>) {
    this.#around = around;
    const tables = Object.entries(tableOf(around.document.volumes));
    this.#names = tables.map(([name]) => name);
    for (const [name, value] of tables) this.#declare(name, tableOf(value));
    this.#attach(vms);
  }

  names(): readonly string[] {
    return this.#names;
  }

  /** Those that are sound. */
  declared(): readonly DeclaredVolume[] {
    return [...this.#declared.values()];
  }

  /** In the order in which the VM lists them. */
  attachments(vm: string): readonly AttachmentInputs[] {
    return this.#attachments.get(vm) ?? [];
  }

  #declare(name: string, table: JsonObject): void {
    const origin = this.#around.originOf("volumes", name);
    const known = (raw: Json, kind: "size" | "boolean", path: readonly string[]) =>
      this.#around.evaluator.known(raw, kind, {
        scope: this.#around.scopeOf("volumes", name),
        scopeId: LAB_SCOPE,
        name: path.join("."),
        address: `volume.${name}`,
        origin: () => ({ ...origin, path: [...origin.path, ...path] }),
        onlyVars: true,
      });
    const size = known(table.size ?? null, "size", ["size"]);
    if (typeof size !== "number") return;
    if (size < SMALLEST) {
      this.#around.findings.push({
        code: "config/out-of-range",
        summary: `volume.${name} cannot have ${formatSize(size)}`,
        origin: { ...origin, path: [...origin.path, "size"] },
        address: `volume.${name}`,
        hint: "Give it 1 MiB or more.",
      });
      return;
    }
    const filesystem = (table.filesystem ?? defaults.filesystem) as VolumeInputs["filesystem"];
    const prevent = tableOf(table.lifecycle).prevent_destroy ?? false;
    const preventDestroy = known(prevent, "boolean", ["lifecycle", "prevent_destroy"]) === true;
    this.#declared.set(name, { name, inputs: { size, filesystem }, preventDestroy, origin });
  }

  #attach(vms: ReadonlyMap<string, VmDeclaration>): void {
    const holders = new Map<string, Holder>();
    for (const vm of vms.values()) {
      const list = vm.settings.volumes;
      if (!Array.isArray(list) || list.length === 0) continue;
      const own: AttachmentInputs[] = [];
      for (const [index, value] of list.entries()) {
        const table = tableOf(value);
        const name = String(table.name);
        const origin = originInLayers(vm.layers, ["volumes", index]);
        if (!this.#isSound(name, table, vm, origin)) continue;
        const other = holders.get(name);
        if (other !== undefined) {
          this.#shared(name, { vm, origin }, other);
          continue;
        }
        holders.set(name, { vm, origin });
        own.push(attachmentOf(name, table));
      }
      if (own.length > 0) this.#attachments.set(vm.name, own);
    }
  }

  #isSound(name: string, table: JsonObject, vm: VmDeclaration, origin: Origin): boolean {
    const { findings } = this.#around;
    const address = `vm.${vm.name}`;
    if (!this.#names.includes(name)) {
      const hint = nameHint(name, this.#names, "volumes");
      findings.push({
        code: "config/unknown-reference",
        summary: `There is no volume "${name}"`,
        origin: { ...origin, path: [...origin.path, "name"] },
        address,
        ...(hint === undefined ? {} : { hint }),
      });
      return false;
    }
    if (table.mount !== undefined && this.#declared.get(name)?.inputs.filesystem === "none") {
      findings.push({
        code: "config/volume-not-mountable",
        summary: `volume.${name} has no file system that ${address} could mount`,
        origin: { ...origin, path: [...origin.path, "mount"] },
        address,
        hint: "Take mount out, or give the volume another filesystem than none.",
      });
      return false;
    }
    const idle = ["owner", "mode"].find((key) => table[key] !== undefined);
    if (idle !== undefined && table.mount === undefined) {
      findings.push({
        code: "config/volume-not-mounted",
        summary: `${idle} of volume.${name} in ${address} means nothing without mount`,
        origin: { ...origin, path: [...origin.path, idle] },
        address,
        hint: `Say where it is mounted, or take ${idle} out.`,
      });
      return false;
    }
    return true;
  }

  /** Two machines that write to one disk destroy its file system. */
  #shared(name: string, { vm, origin }: Holder, other: Holder): void {
    const [first, second] = [`vm.${other.vm.name}`, `vm.${vm.name}`];
    const counted = vm !== other.vm && vm.origin === other.vm.origin;
    this.#around.findings.push({
      code: "config/volume-in-two-vms",
      summary:
        vm === other.vm
          ? `${first} has volume.${name} twice`
          : `${first} and ${second} both have volume.${name}`,
      detail: "A volume is in one VM at a time: two that write to it would destroy its file system.",
      origin,
      related: [{ message: `${first} has it here`, origin: other.origin }],
      address: second,
      hint: counted
        ? "Declare a volume for each of them, and the VMs one by one."
        : "Take it out of one of them, or declare a second volume.",
    });
  }
}

function attachmentOf(name: string, table: JsonObject): AttachmentInputs {
  const { mount, owner, mode } = table;
  return {
    name,
    ...(typeof mount === "string" ? { mount } : {}),
    readonly: (table.readonly ?? attachmentDefaults.readonly) === true,
    ...(typeof owner === "string" ? { owner } : {}),
    ...(typeof mode === "string" ? { mode } : {}),
  };
}
