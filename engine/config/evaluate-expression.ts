/** `vmlab eval`: one CEL expression on a lab as it is declared and recorded. */
import { DiagnosticsError, fail, problem } from "../diagnostics.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import type { EvaluationContext } from "./evaluate-deferred.ts";
import { expressionContext } from "./evaluate-deferred.ts";
import { analyseBare } from "./expand/analyse.ts";
import { type Names, NO_ANALYSIS } from "./expand/analysis.ts";
import { vmAttributes } from "./expand/vm-attributes.ts";
import { loadCel } from "./expressions/cel.ts";
import { evaluateBare } from "./expressions/evaluate-template.ts";
import { EMPTY_SCOPE } from "./expressions/value-source.ts";
import { PlannedValues } from "./planned-values.ts";
import type { Expansion, Lab, SecretInputs, VmInputs } from "./types.ts";

export interface EvaluatedExpression {
  readonly value: Json;
  /** Read a secret or a sensitive variable: the caller masks it. */
  readonly sensitive: boolean;
}

/**
 * Evaluates `text`, a bare CEL expression (`vms.web.memory / MiB`). Throws diagnostics for one that is wrong, or that
 * reads what is not recorded yet.
 */
export async function evaluateExpression(
  lab: Lab,
  expansion: Expansion,
  text: string,
  liveAttributes: (address: string) => JsonObject | undefined,
): Promise<EvaluatedExpression> {
  await loadCel();
  const context = wholeLab(lab, expansion, liveAttributes);
  const names = namesOf(lab, expansion, context);
  const { problems } = analyseBare(text, EMPTY_SCOPE, names);
  if (problems.length > 0) {
    throw new DiagnosticsError(
      problems.map(({ summary, hint }) =>
        problem({
          code: "config/bad-expression",
          summary: `${summary}`,
          detail: text,
          ...(hint === undefined ? {} : { hint }),
        }),
      ),
    );
  }
  const evaluation = evaluateBare(expressionContext(context), EMPTY_SCOPE, text);
  switch (evaluation.kind) {
    case "value":
      return { value: evaluation.value, sensitive: evaluation.sensitive };
    case "unknown":
      return fail({
        code: "config/value-not-known",
        summary: "The value is not known yet",
        detail: `It comes from ${evaluation.address}, of which nothing is recorded.`,
        hint: `Apply first: vmlab apply --target ${evaluation.address}`,
      });
    case "problem": {
      const { summary, hint } = evaluation.problem;
      return fail({
        code: "config/bad-expression",
        summary,
        detail: text,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
}

/** An evaluation context that lists everything the lab declares. */
function wholeLab(
  lab: Lab,
  expansion: Expansion,
  liveAttributes: (address: string) => JsonObject | undefined,
): EvaluationContext {
  const vars: Record<string, Json> = {};
  const sensitiveVariables: Record<string, Json> = {};
  for (const [name, { value, sensitive }] of Object.entries(lab.variables)) {
    if (sensitive) sensitiveVariables[name] = value;
    else vars[name] = value;
  }
  const vms: Record<string, JsonObject> = {};
  const environments: Record<string, string[]> = {};
  const secrets: string[] = [];
  for (const { type, name, inputs, environment } of expansion.resources) {
    if (type === "secret") secrets.push(name);
    if (type !== "vm") continue;
    vms[name] = vmAttributes(name, inputs as VmInputs);
    if (environment?.environment === undefined) continue;
    const members = environments[environment.environment] ?? [];
    members.push(name);
    environments[environment.environment] = members;
  }
  const { modules, groups, scopes: inModules } = expansion.modules ?? { modules: {}, groups: {}, scopes: {} };
  const scopes = { ...expansion.values.scopes, ...inModules };
  const values = { vars, sensitiveVars: {}, vms, environments, groups, modules, secrets, scopes };
  return { values, liveAttributes, sensitiveVariables, files: lab.files };
}

function namesOf(lab: Lab, expansion: Expansion, context: EvaluationContext): Names {
  const { values } = context;
  return {
    vars: new Map(Object.entries(lab.variables)),
    secrets: new Map(
      expansion.resources.flatMap(({ type, name, inputs }) =>
        type === "secret" ? [[name, (inputs as SecretInputs).kind] as const] : [],
      ),
    ),
    vms: new Map(Object.entries(values.vms)),
    environments: new Map(Object.entries(values.environments ?? {})),
    groups: new Map(Object.entries(values.groups ?? {})),
    modules: new PlannedValues(context).modules,
    input: () => NO_ANALYSIS,
    output: () => NO_ANALYSIS,
    ports: (vm) => {
      const resource = expansion.resources.find(({ address }) => address === `vm.${vm}`);
      const ports = resource === undefined ? {} : vmAttributes(vm, resource.inputs as VmInputs).ports;
      return new Map(Object.entries(ports as Record<string, number | null>));
    },
    networks: (vm) => {
      const networks = values.vms[vm]?.networks ?? null;
      return new Set(isJsonObject(networks) ? Object.keys(networks) : []);
    },
    attribute: () => undefined,
  };
}
