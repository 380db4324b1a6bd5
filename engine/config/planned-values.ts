/** What deferred expressions read when applying: the plan's values, with what the state knows by now. */
import { isJsonObject, type Json } from "../json.ts";
import { type EvaluationContext, evaluateDeferred } from "./evaluate-deferred.ts";
import { inputProblem } from "./expand/module-inputs.ts";
import {
  LIVE_ATTRIBUTES,
  type ModuleNames,
  type SourceValue,
  type ValueSource,
} from "./expressions/value-source.ts";
import { liveValue, portValues } from "./port-values.ts";
import { secretValueIn } from "./secret-values.ts";
import type { Deferred } from "./types.ts";

export class PlannedValues implements ValueSource {
  readonly files: ValueSource["files"];
  readonly variableNames: readonly string[];
  readonly vmNames: readonly string[];
  readonly environments: ReadonlyMap<string, readonly string[]>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly modules: ReadonlyMap<string, ModuleNames>;
  /** The plan does not list secrets: each name is looked up in the state when it is read. */
  readonly secretNames: readonly string[];
  readonly #context: EvaluationContext;

  constructor(context: EvaluationContext) {
    const { values, sensitiveVariables } = context;
    this.#context = context;
    this.files = context.files ?? new Map();
    this.variableNames = [
      ...new Set([
        ...Object.keys(values.vars),
        ...Object.keys(values.sensitiveVars),
        ...Object.keys(sensitiveVariables),
      ]),
    ];
    this.vmNames = Object.keys(values.vms);
    this.environments = new Map(Object.entries(values.environments ?? {}));
    this.groups = new Map(Object.entries(values.groups ?? {}));
    this.modules = new Map(
      Object.entries(values.modules ?? {}).map(([name, { inputs, outputs, secrets }]) => [
        name,
        {
          inputs: Object.keys(inputs),
          outputs: Object.keys(outputs),
          secrets: new Map(Object.entries(secrets)),
        },
      ]),
    );
    this.secretNames = values.secrets ?? [];
  }

  variable(name: string): SourceValue {
    const plain = this.#context.values.vars[name];
    if (plain !== undefined) return { known: true, value: plain, sensitive: false };
    const value = this.#context.sensitiveVariables[name];
    if (value === undefined) return { known: false, address: `the variable ${name}`, sensitive: true };
    return { known: true, value, sensitive: true };
  }

  secretAttributes(name: string): readonly string[] {
    const recorded = this.#context.liveAttributes(`secret.${name}`) ?? {};
    return "value" in recorded ? [] : Object.keys(recorded);
  }

  input(environment: string, name: string): SourceValue {
    const { inputs = {}, rules = {} } = this.#context.values.modules?.[environment] ?? {};
    const planned = inputs[name];
    if (planned === undefined) return notThere(environment);
    const sensitive = holdsSensitive(planned);
    const value = this.#evaluate(planned);
    const rule = rules[name];
    const origin = { file: "", path: [] };
    const wrong =
      rule === undefined
        ? undefined
        : inputProblem({ name, value, rule, sensitive, declaration: origin, origin });
    // Inside an expression, which fails with this.
    if (wrong !== undefined) throw new Error([wrong.summary, wrong.detail ?? []].flat().join(". "));
    return { known: true, value, sensitive };
  }

  output(environment: string, name: string): SourceValue {
    const planned = this.#context.values.modules?.[environment]?.outputs[name];
    if (planned === undefined) return notThere(environment);
    return { known: true, value: this.#evaluate(planned), sensitive: holdsSensitive(planned) };
  }

  secret(name: string): SourceValue {
    return secretValueIn(name, this.#context.liveAttributes(`secret.${name}`));
  }

  secretAttribute(name: string, attribute: string): SourceValue {
    return secretValueIn(name, this.#context.liveAttributes(`secret.${name}`), attribute);
  }

  attribute(vm: string, attribute: string): SourceValue {
    const address = `vm.${vm}`;
    if (LIVE_ATTRIBUTES.has(attribute))
      return liveValue(vm, this.#context.liveAttributes(address)?.[attribute]);
    const value = this.#context.values.vms[vm]?.[attribute];
    if (value === undefined) return { known: false, address, sensitive: false };
    const sensitive = holdsSensitive(value);
    return { known: true, value: this.#evaluate(value), sensitive };
  }

  ports(vm: string): ReadonlyMap<string, SourceValue> {
    const planned = this.#context.values.vms[vm]?.ports;
    const declared = Object.entries(isJsonObject(planned) ? planned : {});
    return portValues(vm, declared, this.#context.liveAttributes(`vm.${vm}`));
  }

  #evaluate(value: Json): Json {
    if (Array.isArray(value)) return value.map((item: Json) => this.#evaluate(item));
    if (!isJsonObject(value)) return value;
    if (typeof value.$expr === "string") return evaluateDeferred(value as unknown as Deferred, this.#context);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#evaluate(inner)]));
  }
}

function notThere(environment: string): SourceValue {
  return { known: false, address: `environment.${environment}`, sensitive: false };
}

function holdsSensitive(value: Json): boolean {
  if (Array.isArray(value)) return value.some(holdsSensitive);
  if (!isJsonObject(value)) return false;
  if (typeof value.$expr === "string") return value.sensitive === true;
  return Object.values(value).some(holdsSensitive);
}
