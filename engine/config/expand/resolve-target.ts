/** Which VMs a reference to `vms`, `environments`, `members` or `self` means. */
import type { Reference } from "../expressions/references.ts";
import { celName } from "../expressions/value-source.ts";
import { nameHint } from "../nearest-name.ts";
import type { Scope } from "../types.ts";
import type { Names } from "./analysis.ts";

/** Which VMs a reference means, and the keys that follow. */
export interface Target {
  readonly vms: readonly string[];
  readonly rest: readonly (string | null)[];
  readonly spans: Reference["spans"];
}

/** What is found on the way to a target. */
export interface TargetReport {
  /** `index` of the span that is wrong. */
  problem(spans: Reference["spans"], index: number, summary: string, hint?: string): void;
  /** An environment is named. */
  environment(name: string): void;
  /** An output of an environment's module is read; null or undefined: any of them. */
  outputs(environment: string, name: string | null | undefined, spans: Reference["spans"]): void;
  /** Outputs that a loop's variable is asked for; null: any. */
  loopedOutputs(): readonly (string | null)[];
}

export class TargetResolver {
  readonly #scope: Scope;
  readonly #names: Names;
  readonly #report: TargetReport;

  constructor(scope: Scope, names: Names, report: TargetReport) {
    this.#scope = scope;
    this.#names = names;
    this.#report = report;
  }

  /** Undefined when no VM is meant: the reference is wrong, or one to a module's outputs. */
  resolve({ root, path, spans }: Reference): Target | undefined {
    const { vms } = this.#names;
    const { self, members } = this.#scope;
    if (root === "self") {
      if (self === undefined) {
        this.#report.problem(spans, 0, "self exists only in the settings of a VM");
        return undefined;
      }
      return { vms: [self], rest: path, spans: spans.slice(1) };
    }
    const [name, ...rest] = path;
    if (root === "vms") {
      if (name === undefined || name === null) return { vms: [...vms.keys()], rest, spans: spans.slice(2) };
      const vm = declared(name, vms);
      if (vm !== undefined) return { vms: [vm], rest, spans: spans.slice(2) };
      this.#report.problem(spans, 1, `There is no VM "${name}"`, this.#vmHint(name));
      return undefined;
    }
    if (root === "members" && members === undefined) {
      this.#report.problem(
        spans,
        0,
        "members exists only inside an environment",
        "Use vms.NAME or environments.NAME.vms.",
      );
      return undefined;
    }
    if (root === "environments") return this.#environmentsNamed(path, spans);
    const groups = new Map(Object.entries(members ?? {}));
    if (name === undefined || name === null)
      return { vms: [...groups.values()].flat(), rest: rest.slice(1), spans: spans.slice(3) };
    const key = declared(name, groups);
    const group = key === undefined ? undefined : groups.get(key);
    if (key === undefined || group === undefined) {
      const hint = nameHint(name, [...groups.keys()].map(celName), "members");
      this.#report.problem(spans, 1, `There is no member "${name}"`, hint);
      return undefined;
    }
    if (typeof group === "string") return { vms: [group], rest, spans: spans.slice(2) };
    return this.#picked(group, rest, spans.slice(2), `members.${celName(key)} is a list of VMs`);
  }

  #environmentsNamed([name, ...rest]: Reference["path"], spans: Reference["spans"]): Target | undefined {
    const { environments, groups } = this.#names;
    if (name === undefined || name === null) {
      for (const key of [...environments.keys(), ...groups.keys()]) this.#report.environment(key);
      return this.#inEnvironments([...environments.keys()], rest, spans.slice(1));
    }
    const key = declared(name, environments);
    if (key !== undefined) {
      this.#report.environment(key);
      return this.#inEnvironments([key], rest, spans.slice(1));
    }
    const group = declared(name, groups);
    const made = group === undefined ? undefined : groups.get(group);
    if (group === undefined || made === undefined) {
      const known = [...environments.keys(), ...groups.keys()].map(celName);
      this.#report.problem(
        spans,
        1,
        `There is no environment "${name}"`,
        nameHint(name, known, "environments"),
      );
      return undefined;
    }
    this.#report.environment(group);
    const [index, ...after] = rest;
    const picked = typeof index === "string" && /^\d+$/.test(index) ? made[Number(index)] : undefined;
    if (index === undefined || index === null || picked !== undefined)
      return this.#inEnvironments(picked === undefined ? made : [picked], after, spans.slice(2));
    const hint = /^\d+$/.test(index)
      ? `It has ${made.length} elements.`
      : `Use map(e, …), an index such as [0], or one of them by name, such as environments.${celName(made[0] ?? group)}.`;
    this.#report.problem(spans, 2, `environments.${celName(group)} is a list of environments`, hint);
    return undefined;
  }

  /** `spans` begins with the key before `rest`. */
  #inEnvironments(
    keys: readonly string[],
    rest: readonly (string | null)[],
    spans: Reference["spans"],
  ): Target | undefined {
    const { environments, modules } = this.#names;
    const [part, ...after] = rest;
    for (const key of keys) this.#report.environment(key);
    const vms = () => keys.flatMap((key) => environments.get(key) ?? []);
    if (part === undefined || part === null) {
      const outputs = part === null ? [null] : this.#report.loopedOutputs();
      for (const key of keys) {
        for (const name of modules.has(key) ? outputs : []) this.#report.outputs(key, name, spans);
      }
      return { vms: vms(), rest: [], spans };
    }
    if (part === "outputs") {
      for (const key of keys) this.#report.outputs(key, after[0], spans.slice(1));
      return undefined;
    }
    if (part === "vms")
      return this.#picked(vms(), after, spans.slice(2), "environments.NAME.vms is a list of VMs");
    const [key = ""] = keys;
    const outputs = modules.has(key) ? `, and environments.${celName(key)}.outputs` : "";
    this.#report.problem(
      spans,
      1,
      `An environment has no "${part}"`,
      `There is environments.${celName(key)}.vms, a list${outputs}.`,
    );
    return undefined;
  }

  /** One VM of a list, or all of them where none is picked; `spans` are those of `rest`. */
  #picked(
    vms: readonly string[],
    [index, ...after]: readonly (string | null)[],
    spans: Reference["spans"],
    isList: string,
  ): Target | undefined {
    const picked = typeof index === "string" && /^\d+$/.test(index) ? vms[Number(index)] : undefined;
    if (index === undefined || index === null || picked !== undefined)
      return { vms: picked === undefined ? vms : [picked], rest: after, spans: spans.slice(1) };
    const hint = /^\d+$/.test(index)
      ? `It has ${vms.length} elements.`
      : "Use map(vm, …) or an index such as [0].";
    this.#report.problem(spans, 0, isList, hint);
    return undefined;
  }

  #vmHint(name: string): string | undefined {
    const { environments, vms } = this.#names;
    const environment = declared(name, environments);
    if (environment !== undefined)
      return `"${name}" is an environment: use environments.${celName(environment)}.vms.`;
    return nameHint(name, [...vms.keys()].map(celName), "VMs");
  }
}

/** The declared name that a name in an expression means, in its own or in CEL's spelling. */
export function declared(name: string, names: { has(name: string): boolean }): string | undefined {
  if (names.has(name)) return name;
  const dashed = name.replaceAll("_", "-");
  return names.has(dashed) ? dashed : undefined;
}
