/** What the expressions that are evaluated only at apply will read: kept with the plan. */
import type { Json, JsonObject } from "../../json.ts";
import type { EvaluationValues, Lab, ModuleValues, Scope, VmInputs } from "../types.ts";
import type { Analysis } from "./analysis.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { ExpandInput, LabValues } from "./lab-values.ts";
import { vmAttributes } from "./vm-attributes.ts";

export class DeferredReads {
  readonly #lab: Lab;
  readonly #values: LabValues;
  readonly #hash: ExpandInput["hash"];
  readonly #scopes: Record<string, Scope> = {};
  readonly #usedVms = new Set<string>();
  readonly #usedEnvironments = new Set<string>();
  readonly #usedModules = new Set<string>();
  readonly #usedSensitive = new Set<string>();
  readonly #usedSecrets = new Set<string>();

  /** `hash` stands for the values of sensitive variables. */
  constructor(lab: Lab, values: LabValues, hash: ExpandInput["hash"]) {
    this.#lab = lab;
    this.#values = values;
    this.#hash = hash;
  }

  /** A string of this scope is evaluated at apply, and reads what its analysis says. */
  note(analysis: Analysis, scopeId: string, scope: Scope): void {
    this.#scopes[scopeId] = scope;
    for (const name of analysis.vms) this.#usedVms.add(name);
    for (const name of analysis.environments) this.#usedEnvironments.add(name);
    for (const name of analysis.modules) this.#usedModules.add(name);
    for (const name of analysis.sensitiveVars) this.#usedSensitive.add(name);
    for (const address of analysis.dependsOn) {
      if (address.startsWith("secret.")) this.#usedSecrets.add(address.slice("secret.".length));
    }
  }

  /** All that was noted. */
  values(machines: readonly { vm: VmDeclaration; inputs: VmInputs }[]): EvaluationValues {
    const vars: Record<string, Json> = {};
    const sensitiveVars: Record<string, string> = {};
    for (const [name, { value, sensitive }] of Object.entries(this.#lab.variables)) {
      if (!sensitive) vars[name] = value;
      else if (this.#usedSensitive.has(name)) sensitiveVars[name] = this.#hash(value);
    }
    const vms: Record<string, JsonObject> = {};
    const environments: Record<string, readonly string[]> = {};
    const groups: Record<string, readonly string[]> = {};
    for (const name of this.#usedEnvironments) {
      const group = this.#values.groups.get(name);
      if (group === undefined) environments[name] = this.#values.environments.get(name) ?? [];
      else groups[name] = group;
    }
    const { modules, scopes } = this.ofModules(this.#usedModules);
    Object.assign(this.#scopes, scopes);
    // In the order of declaration, in which a loop sees them.
    for (const { vm, inputs } of machines) {
      if (this.#usedVms.has(vm.name)) vms[vm.name] = vmAttributes(vm.name, inputs);
    }
    const secrets = [...this.#usedSecrets];
    const ofModules = this.#values.results === undefined ? {} : { groups, modules };
    return { vars, sensitiveVars, vms, environments, ...ofModules, secrets, scopes: this.#scopes };
  }

  /** What the modules of these environments are, with the scopes of their values. */
  ofModules(environments: Iterable<string>) {
    const modules: Record<string, ModuleValues> = {};
    const scopes: Record<string, Scope> = {};
    for (const name of environments) {
      const values = this.#values.results?.planned(name);
      if (values === undefined) continue;
      modules[name] = values;
      Object.assign(scopes, this.#values.results?.scopes(name));
    }
    return { modules, scopes };
  }
}
