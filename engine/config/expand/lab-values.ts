/** What expressions read when planning: variables, recorded attributes, and settings of VMs evaluated on demand. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { ModuleNames, SourceValue, ValueSource } from "../expressions/value-source.ts";
import { LIVE_ATTRIBUTES } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import { liveValue, portValues } from "../port-values.ts";
import { guestPortKey, parsePort } from "../ports.ts";
import type { PropertyKind } from "../property-values.ts";
import { definition } from "../schema.ts";
import { SECRET_ATTRIBUTES, type SecretKind, secretKind } from "../secret-kinds.ts";
import { secretValueIn } from "../secret-values.ts";
import type { InterfaceInputs, Lab } from "../types.ts";
import { type Analysis, type Names, NO_ANALYSIS, unionOf } from "./analysis.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Evaluator, Outcome, Site } from "./evaluator.ts";
import { originInLayers } from "./layers.ts";
import type { ModuleResults } from "./module-values.ts";
import { networkAttributes } from "./vm-attributes.ts";

export interface ExpandInput {
  /** Of the lab, or the one that it will have. */
  readonly lineage: string;
  /** What the state records, by address. */
  readonly recorded: Readonly<Record<string, { readonly inputs: JsonObject }>>;
  /** Attributes that the state records of an address; undefined: not known before apply. */
  liveAttributes(address: string): JsonObject | undefined;
  /** Keyed hash of a sensitive value. */
  hash(value: Json): string;
}

/** What a VM's settings say about its image, once it is resolved. */
export interface Base {
  /** `image.web` or `role.docker`. */
  readonly address: string;
  readonly image?: string;
  readonly role?: string;
  readonly user: string;
}

const NO_MODULES: ReadonlyMap<string, ModuleNames> = new Map();

function notThere(address: string): SourceValue {
  return { known: false, address, sensitive: false };
}

/** Attributes that are settings, with the kind of their value. */
const SETTINGS: Readonly<Record<string, PropertyKind>> = { cpus: "cpus", memory: "size", disk: "size" };

export class LabValues implements ValueSource {
  readonly files: ValueSource["files"];
  readonly variableNames: readonly string[];
  secretNames: readonly string[] = [];
  groups: ReadonlyMap<string, readonly string[]> = new Map();
  /** What inputs and outputs of modules come to; absent in a lab without any. */
  results: ModuleResults | undefined;
  vmNames: readonly string[] = [];
  environments: ReadonlyMap<string, readonly string[]> = new Map();
  /** Set before the first expression that may read VMs is evaluated. */
  base: (vm: VmDeclaration) => Base | undefined = () => undefined;
  interfaces: (vm: string) => readonly InterfaceInputs[] = () => [];
  readonly names: Names;
  readonly #lab: Lab;
  readonly #input: ExpandInput;
  readonly #findings: Finding[];
  #vms: ReadonlyMap<string, VmDeclaration> = new Map();
  #secrets: ReadonlyMap<string, SecretKind> = new Map();
  #evaluator: Evaluator | undefined;
  readonly #attributes = new Map<string, SourceValue>();
  readonly #evaluating: string[] = [];
  readonly #analyses = new Map<string, Analysis | undefined>();
  readonly #ports = new Map<string, ReadonlyMap<string, number | null>>();

  constructor(lab: Lab, input: ExpandInput, findings: Finding[]) {
    this.#lab = lab;
    this.files = lab.files;
    this.#input = input;
    this.#findings = findings;
    const { vars } = lab.document;
    this.variableNames = Object.keys(isJsonObject(vars) ? vars : {});
    const variables = new Map(
      this.variableNames.map((name) => [name, { sensitive: lab.variables[name]?.sensitive ?? false }]),
    );
    const self = this;
    this.names = {
      vars: variables,
      get secrets() {
        return self.#secrets;
      },
      get vms() {
        return self.#vms;
      },
      get environments() {
        return self.environments;
      },
      get groups() {
        return self.groups;
      },
      get modules() {
        return self.modules;
      },
      input: (environment, name, onlyVars) =>
        this.results?.inputAnalysis(environment, name, onlyVars) ?? NO_ANALYSIS,
      output: (environment, name) => this.results?.outputAnalysis(environment, name) ?? NO_ANALYSIS,
      ports: (vm) => this.#declaredPorts(vm),
      networks: (vm) => new Set(this.interfaces(vm).map(({ name }) => name)),
      attribute: (vm, attribute) => this.#analysisOf(vm, attribute),
    };
  }

  setEvaluator(evaluator: Evaluator): void {
    this.#evaluator = evaluator;
  }

  /** Of the lab and of its modules. */
  setSecrets(tables: JsonObject): void {
    this.secretNames = Object.keys(tables);
    this.#secrets = new Map(
      Object.entries(tables).map(([name, table]) => [name, secretKind(tableOf(table))]),
    );
  }

  setVms(
    vms: ReadonlyMap<string, VmDeclaration>,
    environments: ReadonlyMap<string, readonly string[]>,
  ): void {
    this.#vms = vms;
    this.vmNames = [...vms.keys()];
    this.environments = environments;
  }

  get modules(): ReadonlyMap<string, ModuleNames> {
    return this.results?.names ?? NO_MODULES;
  }

  input(environment: string, name: string): SourceValue {
    return this.results?.input(environment, name) ?? notThere(`environment.${environment}`);
  }

  output(environment: string, name: string): SourceValue {
    return this.results?.output(environment, name) ?? notThere(`environment.${environment}`);
  }

  variable(name: string): SourceValue {
    const variable = this.#lab.variables[name];
    if (variable === undefined) return { known: false, address: `variable ${name}`, sensitive: false };
    return { known: true, ...variable };
  }

  secretAttributes(name: string): readonly string[] {
    return SECRET_ATTRIBUTES[this.names.secrets.get(name) ?? "password"];
  }

  secret(name: string): SourceValue {
    return secretValueIn(name, this.#input.liveAttributes(`secret.${name}`));
  }

  secretAttribute(name: string, attribute: string): SourceValue {
    return secretValueIn(name, this.#input.liveAttributes(`secret.${name}`), attribute);
  }

  attribute(vm: string, attribute: string): SourceValue {
    if (LIVE_ATTRIBUTES.has(attribute))
      return liveValue(vm, this.#input.liveAttributes(`vm.${vm}`)?.[attribute]);
    const key = `${vm}.${attribute}`;
    const known = this.#attributes.get(key);
    if (known !== undefined) return known;
    const declaration = this.#vms.get(vm);
    if (declaration === undefined) return { known: false, address: `vm.${vm}`, sensitive: false };
    if (this.#evaluating.includes(key)) {
      this.#reportCycle(key, declaration, attribute);
      return { known: false, address: `vm.${vm}`, sensitive: false };
    }
    this.#evaluating.push(key);
    try {
      const value = this.#setting(declaration, attribute);
      this.#attributes.set(key, value);
      return value;
    } finally {
      this.#evaluating.pop();
    }
  }

  ports(vm: string): ReadonlyMap<string, SourceValue> {
    return portValues(vm, this.#declaredPorts(vm), this.#input.liveAttributes(`vm.${vm}`));
  }

  #setting(vm: VmDeclaration, attribute: string): SourceValue {
    const plain = (value: Json): SourceValue => ({ known: true, value, sensitive: false });
    switch (attribute) {
      case "name":
      case "hostname":
        return plain(vm.name);
      case "ip":
      case "mac":
      case "networks":
        return plain(networkAttributes(this.interfaces(vm.name))[attribute] ?? "");
      case "image":
        return plain(this.base(vm)?.image ?? "");
      case "role":
        return plain(this.base(vm)?.role ?? "");
      case "user": {
        const raw = setting(vm, ["login", "user"]);
        if (raw === undefined) return plain(this.base(vm)?.user ?? "");
        return this.#evaluated(vm, raw, "user", ["login", "user"]);
      }
      case "labels": {
        const labels: Record<string, Json> = {};
        let sensitive = false;
        for (const [label, raw] of Object.entries(tableOf(vm.settings.labels))) {
          const value = this.#evaluated(vm, raw, "string", ["labels", label]);
          sensitive ||= value.sensitive;
          if (!value.known) return { ...value, sensitive };
          labels[label] = value.value;
        }
        return { known: true, value: labels, sensitive };
      }
      default: {
        const raw =
          vm.settings[attribute] ?? (definition("Vm").properties?.[attribute]?.default as Json | undefined);
        return this.#evaluated(vm, raw ?? null, SETTINGS[attribute] ?? "json", [attribute]);
      }
    }
  }

  #evaluated(vm: VmDeclaration, raw: Json, kind: PropertyKind, path: readonly string[]): SourceValue {
    const outcome: Outcome | undefined = this.#evaluator?.outcome(raw, kind, vmSite(vm, path));
    if (outcome?.kind === "value") return { known: true, value: outcome.value, sensitive: outcome.sensitive };
    const address = outcome?.kind === "unknown" ? outcome.address : `vm.${vm.name}`;
    return { known: false, address, sensitive: outcome?.kind === "unknown" && outcome.sensitive };
  }

  /** Guest ports as far as they can be read off the declaration. */
  #declaredPorts(vm: string): ReadonlyMap<string, number | null> {
    const known = this.#ports.get(vm);
    if (known !== undefined) return known;
    const ports = new Map<string, number | null>();
    // Before evaluating: a port may be computed from another VM's, and come back here.
    this.#ports.set(vm, ports);
    const declaration = this.#vms.get(vm);
    const raw = declaration?.settings.ports;
    if (declaration === undefined || !Array.isArray(raw)) return ports;
    raw.forEach((one: Json, index) => {
      const value = this.#evaluated(declaration, one, "port", ["ports", String(index)]);
      if (!value.known) return;
      const [address = "", host, guestAndProtocol = ""] = String(value.value).split(":");
      const port = parsePort(`${address}:${host}:${guestAndProtocol}`);
      if (port !== undefined) ports.set(guestPortKey(port), port.host === 0 ? null : port.host);
    });
    return ports;
  }

  #analysisOf(vm: string, attribute: string): Analysis | undefined {
    const key = `${vm}.${attribute}`;
    if (this.#analyses.has(key)) return this.#analyses.get(key);
    this.#analyses.set(key, undefined);
    const declaration = this.#vms.get(vm);
    if (declaration === undefined) return undefined;
    const raws =
      attribute === "labels"
        ? Object.values(tableOf(declaration.settings.labels))
        : attribute === "user"
          ? [setting(declaration, ["login", "user"])]
          : attribute in SETTINGS
            ? [declaration.settings[attribute]]
            : [];
    const analyses = raws.flatMap((raw) => this.#evaluator?.analysis(raw, declaration) ?? []);
    const analysis = analyses.length === 0 ? undefined : unionOf(analyses);
    this.#analyses.set(key, analysis);
    return analysis;
  }

  #reportCycle(key: string, vm: VmDeclaration, attribute: string): void {
    const chain = [...this.#evaluating.slice(this.#evaluating.indexOf(key)), key];
    // The same circle is met from each of its members: it is reported once, from the first by name.
    const ring = chain.slice(0, -1);
    const first = ring.indexOf([...ring].sort()[0] ?? key);
    const turned = [...ring.slice(first), ...ring.slice(0, first + 1)];
    const [owner, setting = attribute] = splitKey(turned[0] ?? key);
    const place = this.#vms.get(owner) ?? vm;
    this.#findings.push({
      code: "config/reference-cycle",
      summary: `Settings are computed from each other: ${turned.map((one) => `vms.${one}`).join(" → ")}`,
      origin: originInLayers(place.layers, [setting]),
      address: `vm.${place.name}`,
      hint: "Give one of them a plain value.",
    });
  }
}

/** The site of a VM's setting. Indexes of lists are numbers in strings in `path`, as `["ports", "0"]`. */
export function vmSite(vm: VmDeclaration, path: readonly (string | number)[]): Site {
  const numbered = path.map((key, index) =>
    index > 0 && typeof key === "string" && path[0] === "ports" ? Number(key) : key,
  );
  return {
    scope: vm.scope,
    scopeId: `vm.${vm.name}`,
    name: numbered
      .map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`))
      .join(""),
    address: `vm.${vm.name}`,
    origin: () => originInLayers(vm.layers, numbered),
  };
}

export function tableOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function splitKey(key: string): [string, string | undefined] {
  const [owner = "", attribute] = key.split(".");
  return [owner, attribute];
}

function setting(vm: VmDeclaration, [first = "", second = ""]: readonly string[]): Json | undefined {
  return tableOf(vm.settings[first])[second];
}
