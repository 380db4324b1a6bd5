/** `[limits]` in bytes. Expressions in it may read variables. */
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { NO_ANALYSIS } from "./expand/analysis.ts";
import { Evaluator } from "./expand/evaluator.ts";
import { ExpressionContext } from "./expressions/context.ts";
import { EMPTY_SCOPE, LAB_SCOPE, type SourceValue, type ValueSource } from "./expressions/value-source.ts";
import type { Finding } from "./findings.ts";
import type { LabLimits, Origin, VariableValue } from "./types.ts";

export function labLimits(
  document: JsonObject,
  variables: Readonly<Record<string, VariableValue>>,
  originOf: (path: readonly string[]) => Origin,
): { readonly limits: LabLimits; readonly findings: readonly Finding[] } {
  const table = isJsonObject(document.limits) ? document.limits : {};
  const findings: Finding[] = [];
  const evaluator = new Evaluator(
    new ExpressionContext(onlyVariables(variables)),
    namesOf(variables),
    findings,
    () => "",
  );
  const size = (key: string): number | undefined => {
    const raw = table[key];
    if (raw === undefined) return undefined;
    const site = {
      scope: EMPTY_SCOPE,
      scopeId: LAB_SCOPE,
      name: `limits.${key}`,
      origin: () => originOf(["limits", key]),
      onlyVars: true,
    };
    const value = evaluator.known(raw, "size", site);
    return typeof value === "number" ? value : undefined;
  };
  const count = (value: Json | undefined) => (typeof value === "number" ? value : undefined);
  const limits = defined({
    cpus: count(table.cpus),
    memory: size("memory"),
    memoryReserve: size("memory_reserve"),
    disk: size("disk"),
    diskReserve: size("disk_reserve"),
    vms: count(table.vms),
  });
  return { limits, findings };
}

function defined(limits: Readonly<Record<string, number | undefined>>): LabLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function namesOf(variables: Readonly<Record<string, VariableValue>>) {
  return {
    vars: new Map(Object.entries(variables)),
    secrets: new Map<string, never>(),
    vms: new Map<string, never>(),
    environments: new Map<string, readonly string[]>(),
    groups: new Map<string, readonly string[]>(),
    modules: new Map<string, never>(),
    input: () => NO_ANALYSIS,
    output: () => NO_ANALYSIS,
    networks: () => new Set<string>(),
    ports: () => new Map<string, number | null>(),
    attribute: () => NO_ANALYSIS,
  };
}

function onlyVariables(variables: Readonly<Record<string, VariableValue>>): ValueSource {
  const nothing: SourceValue = { known: false, address: "a resource", sensitive: false };
  return {
    files: new Map(),
    variableNames: Object.keys(variables),
    variable: (name) => {
      const variable = variables[name];
      return variable === undefined ? nothing : { known: true, ...variable };
    },
    secretNames: [],
    secretAttributes: () => [],
    secretAttribute: () => nothing,
    secret: () => nothing,
    vmNames: [],
    attribute: () => nothing,
    ports: () => new Map(),
    environments: new Map(),
    groups: new Map(),
    modules: new Map(),
    input: () => nothing,
    output: () => nothing,
  };
}
