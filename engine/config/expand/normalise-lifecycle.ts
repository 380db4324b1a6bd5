/** `lifecycle` of a VM, but for prevent_destroy: which changes are ignored, and which changes elsewhere replace it. */
import type { Json } from "../../json.ts";
import type { ValueSource } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import { definition } from "../schema.ts";
import type { Lifecycle } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import { tableOf } from "./lab-values.ts";
import { originInLayers } from "./layers.ts";
import { type Addressable, resolveAddresses } from "./resolve-depends-on.ts";

export interface LifecycleSurroundings {
  readonly values: Pick<ValueSource, "variableNames" | "variable" | "modules" | "input">;
  readonly addressable: Addressable;
  readonly findings: Finding[];
  /** Keyed hash of a value. */
  readonly hash: (value: Json) => string;
}

/** Undefined when it says nothing of this. */
export function normaliseLifecycle(vm: VmDeclaration, around: LifecycleSurroundings): Lifecycle | undefined {
  const table = tableOf(vm.settings.lifecycle);
  const ignored = table.ignore_changes;
  const triggers = Array.isArray(table.replace_triggered_by) ? (table.replace_triggered_by as string[]) : [];
  if (ignored === undefined && triggers.length === 0) return undefined;
  const isValue = (entry: string) => /^(vars|inputs)\./.test(entry);
  const addresses = resolveAddresses(
    vm,
    ["lifecycle", "replace_triggered_by"],
    triggers.map((entry) => (isValue(entry) ? undefined : entry)),
    around.addressable,
    around.findings,
  );
  const variables: Record<string, string> = {};
  for (const [index, entry] of triggers.entries()) {
    if (!isValue(entry)) continue;
    const value = triggerValue(entry, vm, around.values);
    if ("wrong" in value) {
      around.findings.push({
        code: "config/unknown-reference",
        summary: value.wrong,
        origin: originInLayers(vm.layers, ["lifecycle", "replace_triggered_by", index]),
        address: `vm.${vm.name}`,
        ...(value.hint === undefined ? {} : { hint: value.hint }),
      });
    } else variables[entry] = around.hash(value.value);
  }
  return {
    ignored:
      ignored === "all" ? "all" : inputKeys(Array.isArray(ignored) ? (ignored as string[]) : [], vm, around),
    triggers: addresses,
    variables,
  };
}

/** The value of `vars.NAME`, or in a module of `inputs.NAME`. */
function triggerValue(
  entry: string,
  { scope: { module } }: VmDeclaration,
  values: LifecycleSurroundings["values"],
): { readonly value: Json } | { readonly wrong: string; readonly hint?: string | undefined } {
  const [root, name = ""] = entry.split(".");
  if (root === "vars" && module !== undefined)
    return { wrong: "A module does not see the lab's variables", hint: "Write inputs.NAME." };
  if (root === "inputs" && module === undefined)
    return { wrong: "inputs exists only inside a module", hint: "Write vars.NAME." };
  const names = module === undefined ? values.variableNames : (values.modules.get(module)?.inputs ?? []);
  const noun = module === undefined ? "variable" : "input";
  if (!names.includes(name))
    return { wrong: `There is no ${noun} "${name}"`, hint: nameHint(name, names, `${noun}s`) };
  const value = module === undefined ? values.variable(name) : values.input(module, name);
  if (value.known) return { value: value.value };
  return { wrong: `${entry} is not known when planning`, hint: "Name what it comes from instead." };
}

/** Settings that are one input together, or that make an input of another name. */
const INPUTS: Readonly<Record<string, readonly string[]>> = {
  files: ["steps"],
  scripts: ["steps"],
  run: ["steps"],
  image: ["image", "role", "fallback"],
  role: ["image", "role", "fallback"],
};

/** Settings that say which VMs there are, or rule changes: there is nothing to ignore. */
const FIXED: ReadonlySet<string> = new Set(["template", "lifecycle", "depends_on", "count", "for_each"]);

function inputKeys(
  settings: readonly string[],
  vm: VmDeclaration,
  { findings }: LifecycleSurroundings,
): readonly string[] {
  const known = Object.keys(definition("Vm").properties ?? {}).filter((name) => !FIXED.has(name));
  return settings.flatMap((name, index) => {
    if (known.includes(name)) return INPUTS[name] ?? [name];
    const hint = nameHint(name, known, "settings");
    findings.push({
      code: "config/unknown-reference",
      summary: `Changes of "${name}" cannot be ignored`,
      ...(FIXED.has(name) ? { detail: "It is no setting of the machine itself." } : {}),
      origin: originInLayers(vm.layers, ["lifecycle", "ignore_changes", index]),
      address: `vm.${vm.name}`,
      ...(hint === undefined ? {} : { hint }),
    });
    return [];
  });
}
