/** What deferred expressions read when applying: the plan's values, with what the state knows by now. */
import { isJsonObject, type Json } from "../json.ts";
import { type EvaluationContext, evaluateDeferred } from "./evaluate-deferred.ts";
import {
  LIVE_ATTRIBUTES,
  type SourceValue,
  SSH_GUEST_PORT,
  type ValueSource,
} from "./expressions/value-source.ts";
import type { Deferred } from "./types.ts";

export class PlannedValues implements ValueSource {
  readonly variableNames: readonly string[];
  readonly vmNames: readonly string[];
  readonly environments: ReadonlyMap<string, readonly string[]>;
  /** The plan does not list secrets: each name is looked up in the state when it is read. */
  readonly secretNames: readonly string[];
  readonly #context: EvaluationContext;

  constructor(context: EvaluationContext) {
    const { values, sensitiveVariables } = context;
    this.#context = context;
    this.variableNames = [
      ...new Set([
        ...Object.keys(values.vars),
        ...Object.keys(values.sensitiveVars),
        ...Object.keys(sensitiveVariables),
      ]),
    ];
    this.vmNames = Object.keys(values.vms);
    this.environments = new Map(Object.entries(values.environments ?? {}));
    this.secretNames = values.secrets ?? [];
  }

  variable(name: string): SourceValue {
    const plain = this.#context.values.vars[name];
    if (plain !== undefined) return { known: true, value: plain, sensitive: false };
    const value = this.#context.sensitiveVariables[name];
    if (value === undefined) return { known: false, address: `the variable ${name}`, sensitive: true };
    return { known: true, value, sensitive: true };
  }

  secret(name: string): SourceValue {
    const address = `secret.${name}`;
    const recorded = this.#context.liveAttributes(address);
    if (recorded === undefined) return { known: false, address, sensitive: true };
    return { known: true, value: recorded.value ?? recorded, sensitive: true };
  }

  attribute(vm: string, attribute: string): SourceValue {
    const address = `vm.${vm}`;
    if (LIVE_ATTRIBUTES.has(attribute))
      return this.#live(vm, this.#context.liveAttributes(address)?.[attribute]);
    const value = this.#context.values.vms[vm]?.[attribute];
    if (value === undefined) return { known: false, address, sensitive: false };
    const sensitive = holdsSensitive(value);
    return { known: true, value: this.#evaluate(value), sensitive };
  }

  ports(vm: string): ReadonlyMap<string, SourceValue> {
    const recorded = this.#context.liveAttributes(`vm.${vm}`);
    const live = isJsonObject(recorded?.ports) ? recorded.ports : {};
    const planned = this.#context.values.vms[vm]?.ports;
    const ports = new Map<string, SourceValue>();
    for (const [port, host] of Object.entries(isJsonObject(planned) ? planned : {})) {
      ports.set(
        port,
        host === null ? this.#live(vm, live[port]) : { known: true, value: host, sensitive: false },
      );
    }
    if (!ports.has(SSH_GUEST_PORT)) ports.set(SSH_GUEST_PORT, this.#live(vm, recorded?.ssh_port));
    return ports;
  }

  #live(vm: string, value: Json | undefined): SourceValue {
    if (value === undefined) return { known: false, address: `vm.${vm}`, sensitive: false };
    return { known: true, value, sensitive: false };
  }

  #evaluate(value: Json): Json {
    if (Array.isArray(value)) return value.map((item: Json) => this.#evaluate(item));
    if (!isJsonObject(value)) return value;
    if (typeof value.$expr === "string") return evaluateDeferred(value as unknown as Deferred, this.#context);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#evaluate(inner)]));
  }
}

function holdsSensitive(value: Json): boolean {
  if (Array.isArray(value)) return value.some(holdsSensitive);
  if (!isJsonObject(value)) return false;
  if (typeof value.$expr === "string") return value.sensitive === true;
  return Object.values(value).some(holdsSensitive);
}
