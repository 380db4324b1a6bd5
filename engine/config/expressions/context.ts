/**
 * The variables that an expression sees, as objects whose properties are looked up when they are read: reading marks
 * the evaluation as sensitive where the value is, and throws where the value is not known yet.
 */
import { isJsonObject } from "../../json.ts";
import type { Scope } from "../types.ts";
import { RESOURCE, toCel } from "./cel.ts";
import { withFiles } from "./file-function.ts";
import { UnknownValue } from "./unknown-value.ts";
import {
  celName,
  type ModuleNames,
  nameInModule,
  type SourceValue,
  type ValueSource,
  VM_ATTRIBUTES,
} from "./value-source.ts";

/** What was met while evaluating. */
export interface Trace {
  sensitive: boolean;
}

const SHARED = ["vars", "secrets", "vms", "environments"] as const;

export class ExpressionContext {
  readonly #source: ValueSource;
  readonly #vms = new Map<string, object>();
  /** Shared by all scopes; each made when an expression first reads it. */
  readonly #shared = new Map<string, object>();
  /** What every scope of the lab sees; scopes have it as their prototype. */
  readonly #roots: object = Object.create(null);
  /** The same for the scopes of each module. */
  readonly #moduleRoots = new Map<string, object>();
  #trace: Trace = { sensitive: false };

  constructor(source: ValueSource) {
    this.#source = source;
    for (const name of SHARED) {
      this.#property(this.#roots, name, () => {
        const made = this.#shared.get(name) ?? this.#makeShared(name);
        this.#shared.set(name, made);
        return made;
      });
    }
  }

  /** Runs `evaluate` with the variables of a scope; what it reads is noted in `trace`. May be nested. */
  run<T>(scope: Scope, trace: Trace, evaluate: (variables: Readonly<Record<string, unknown>>) => T): T {
    const outer = this.#trace;
    this.#trace = trace;
    try {
      return withFiles(this.#source.files, () => evaluate(this.#variables(scope)));
    } finally {
      this.#trace = outer;
    }
  }

  #variables(scope: Scope): Readonly<Record<string, unknown>> {
    const { module, self, members, each, index } = scope;
    const roots = module === undefined ? this.#roots : this.#rootsOf(module);
    const variables: Record<string, unknown> = Object.create(roots);
    if (self !== undefined) variables.self = this.#vm(self, module);
    if (members !== undefined) variables.members = this.#members(members, module);
    if (each !== undefined) variables.each = { key: each.key, value: toCel(each.value) };
    if (index !== undefined) variables.count = { index: BigInt(index) };
    return variables;
  }

  #rootsOf(module: string): object {
    const known = this.#moduleRoots.get(module);
    if (known !== undefined) return known;
    const source = this.#source;
    const names: ModuleNames = source.modules.get(module) ?? { inputs: [], outputs: [], secrets: new Map() };
    const inputs = {};
    for (const key of names.inputs) this.#property(inputs, key, () => this.#read(source.input(module, key)));
    const secrets = {};
    for (const [key, name] of names.secrets) this.#property(secrets, key, () => this.#secret(name));
    const roots = Object.assign(Object.create(null), { inputs, secrets });
    this.#moduleRoots.set(module, roots);
    return roots;
  }

  #makeShared(name: (typeof SHARED)[number]): object {
    const source = this.#source;
    const object = {};
    switch (name) {
      case "vars":
        for (const key of source.variableNames)
          this.#property(object, key, () => this.#read(source.variable(key)));
        break;
      case "secrets":
        for (const key of source.secretNames) this.#property(object, key, () => this.#secret(key));
        break;
      case "vms":
        for (const key of source.vmNames) this.#named(object, key, () => this.#vm(key));
        break;
      case "environments":
        for (const key of source.environments.keys()) this.#named(object, key, () => this.#environment(key));
        for (const [key, made] of source.groups)
          this.#named(object, key, () => made.map((environment) => this.#environment(environment)));
    }
    return object;
  }

  #secret(name: string): unknown {
    const attributes = this.#source.secretAttributes(name);
    if (attributes.length === 0) return this.#read(this.#source.secret(name));
    const object = { [RESOURCE]: `secret.${name}` };
    for (const attribute of attributes)
      this.#property(object, attribute, () => this.#read(this.#source.secretAttribute(name, attribute)));
    return object;
  }

  #environment(name: string): object {
    const source = this.#source;
    const members = source.environments.get(name) ?? [];
    const object = this.#property({}, "vms", () => members.map((member) => this.#vm(member)));
    const names = source.modules.get(name);
    if (names === undefined) return object;
    return this.#property(object, "outputs", () => {
      const outputs = {};
      for (const key of names.outputs)
        this.#property(outputs, key, () => this.#read(source.output(name, key)));
      return outputs;
    });
  }

  #members(members: NonNullable<Scope["members"]>, module: string | undefined): object {
    const object = {};
    for (const [member, names] of Object.entries(members)) {
      this.#named(object, member, () =>
        typeof names === "string" ? this.#vm(names, module) : names.map((name) => this.#vm(name, module)),
      );
    }
    return object;
  }

  /** Seen from inside its module, a VM's networks have the names that the module gave them. */
  #vm(name: string, module?: string): object {
    const key = module === undefined ? name : `${name} in its module`;
    const known = this.#vms.get(key);
    if (known !== undefined) return known;
    const object = { [RESOURCE]: `vm.${name}` };
    for (const attribute of VM_ATTRIBUTES) {
      this.#property(object, attribute, () => this.#attribute(name, attribute, module));
    }
    this.#vms.set(key, object);
    return object;
  }

  #attribute(vm: string, attribute: string, module: string | undefined): unknown {
    switch (attribute) {
      case "ports":
        return this.#ports(vm);
      case "networks":
        return this.#networks(this.#source.attribute(vm, attribute), module);
      default:
        return this.#read(this.#source.attribute(vm, attribute));
    }
  }

  #networks(value: SourceValue, module: string | undefined): object {
    const object = {};
    if (!value.known || !isJsonObject(value.value)) return object;
    for (const [name, inner] of Object.entries(value.value))
      this.#named(object, nameInModule(name, module), () => toCel(inner));
    return object;
  }

  #ports(vm: string): object {
    const object = {};
    for (const [port, value] of this.#source.ports(vm)) this.#property(object, port, () => this.#read(value));
    return object;
  }

  #read(value: SourceValue): unknown {
    if (value.sensitive) this.#trace.sensitive = true;
    if (!value.known) throw new UnknownValue(value.address);
    return toCel(value.value);
  }

  /** A property under its name, and under CEL's spelling of it (which a loop does not see). */
  #named(object: object, name: string, get: () => unknown): void {
    this.#property(object, name, get);
    const alias = celName(name);
    if (alias !== name) Object.defineProperty(object, alias, { get, enumerable: false });
  }

  #property(object: object, name: string, get: () => unknown): object {
    return Object.defineProperty(object, name, { get, enumerable: true });
  }
}
