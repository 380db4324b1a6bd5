/** From a lab to what it stands for: every resource with its inputs, evaluated as far as they are known. */
import { type Diagnostic, problem } from "../diagnostics.ts";
import { type Json, type JsonObject, keyedHash } from "../json.ts";
import { cloneBase } from "./expand/clone-base.ts";
import { withCloneSources } from "./expand/clone-sources.ts";
import type { VmDeclaration } from "./expand/declaration.ts";
import { declareVms } from "./expand/declare-vms.ts";
import { DeferredReads } from "./expand/deferred-reads.ts";
import { evaluateChecks } from "./expand/evaluate-checks.ts";
import { Evaluator } from "./expand/evaluator.ts";
import { findBase } from "./expand/find-base.ts";
import { findPortClashes } from "./expand/find-port-clashes.ts";
import { findSmallDisk } from "./expand/find-small-disks.ts";
import { ImageDeclarations } from "./expand/image-declarations.ts";
import { LabNetworks } from "./expand/lab-networks.ts";
import { type Base, type ExpandInput, LabValues, tableOf } from "./expand/lab-values.ts";
import { LabVolumes } from "./expand/lab-volumes.ts";
import { ModuleResults } from "./expand/module-values.ts";
import { multipliersOf } from "./expand/multipliers.ts";
import { neededImages } from "./expand/needed-images.ts";
import { normaliseLifecycle } from "./expand/normalise-lifecycle.ts";
import { normaliseVm } from "./expand/normalise-vm.ts";
import { resolveDependsOn } from "./expand/resolve-depends-on.ts";
import { secretInputs } from "./expand/secret-inputs.ts";
import { type ComposedLab, useModules } from "./expand/use-modules.ts";
import { vmShares } from "./expand/vm-shares.ts";
import { ExpressionContext } from "./expressions/context.ts";
import { EMPTY_SCOPE, LAB_SCOPE } from "./expressions/value-source.ts";
import { type Finding, toDiagnostics } from "./findings.ts";
import { importFindings } from "./imports.ts";
import { declaredMoves, moveFindings } from "./moves.ts";
import { removalFindings } from "./removals.ts";
import type { Expansion, Lab, Origin, OutputDeclaration, Resource, Scope, VmInputs } from "./types.ts";

export type { ExpandInput } from "./expand/lab-values.ts";

const NOTHING_RECORDED: ExpandInput = {
  lineage: "",
  recorded: {},
  liveAttributes: () => undefined,
  hash: (value) => keyedHash("", value),
};

/**
 * Expands a lab. Without `input` nothing counts as recorded, as before a first apply. Problems are in `diagnostics`;
 * when one of them is an error, the resources are not fit for planning.
 */
export function expandLab(lab: Lab, input: ExpandInput = NOTHING_RECORDED): Expansion {
  return new Expander(lab, input).run();
}

class Expander {
  readonly #lab: Lab;
  /** Of the lab with its modules in place. */
  #document: JsonObject;
  readonly #input: ExpandInput;
  readonly #findings: Finding[] = [];
  readonly #values: LabValues;
  readonly #context: ExpressionContext;
  readonly #evaluator: Evaluator;
  /** By name of the VM. */
  readonly #bases = new Map<string, Base | undefined>();
  readonly #reads: DeferredReads;

  constructor(lab: Lab, input: ExpandInput) {
    this.#lab = lab;
    this.#document = lab.document;
    this.#input = input;
    this.#values = new LabValues(lab, input, this.#findings);
    this.#context = new ExpressionContext(this.#values);
    this.#evaluator = new Evaluator(this.#context, this.#values.names, this.#findings, input.hash);
    this.#values.setEvaluator(this.#evaluator);
    this.#reads = new DeferredReads(lab, this.#values, input.hash);
  }

  run(): Expansion {
    const images = new ImageDeclarations({
      document: this.#document,
      originOf: this.#originOf,
      evaluator: this.#evaluator,
      findings: this.#findings,
    });
    const imageResources = this.#imageResources(images);
    const multipliers = multipliersOf(this.#evaluator, this.#findings);
    const composed = useModules(this.#lab, {
      originOf: this.#declaredAt,
      multipliers,
      findings: this.#findings,
    });
    const results = this.#useResults(composed);
    // What a module declares under a wrong name would be reported again by all that comes.
    if (composed.uses.size > 0 && this.#findings.some(({ severity }) => severity !== "warning"))
      return this.#nothing();
    const declared = declareVms(composed, multipliers, this.#findings);
    const { environments, members } = declared;
    const vms = withCloneSources(declared.vms, this.#input.recorded, this.#findings);
    this.#values.setVms(vms, environments);
    if (results !== undefined) results.members = members;
    const lookup = {
      document: this.#document,
      images,
      evaluator: this.#evaluator,
      originOf: this.#originOf,
      findings: this.#findings,
    };
    this.#values.base = (vm) => {
      const known = this.#bases.get(vm.name);
      if (known !== undefined || this.#bases.has(vm.name)) return known;
      // Before it is known: clones of each other come back here.
      this.#bases.set(vm.name, undefined);
      const base =
        vm.clone === undefined ? findBase(vm, lookup) : cloneBase(vm.clone, vms, this.#values.base);
      this.#bases.set(vm.name, base);
      return base;
    };
    const around = {
      document: this.#document,
      originOf: this.#originOf,
      scopeOf: this.#scopeOf,
      evaluator: this.#evaluator,
      findings: this.#findings,
    };
    const networks = new LabNetworks({ ...around, input: this.#input }, vms);
    const volumes = new LabVolumes(around, vms);
    this.#values.interfaces = (vm) => networks.interfaces(vm);
    const secrets = this.#secrets();
    const addressable = {
      vms,
      images: new Set(images.names("image")),
      roles: new Set(images.names("role")),
      environments,
      secrets: new Set(this.#values.secretNames),
      networks: new Set(networks.names()),
      volumes: new Set(volumes.names()),
      groups: composed.groups,
      uses: composed.uses,
    };
    const machines: { vm: VmDeclaration; inputs: VmInputs }[] = [];
    const vmResources: Resource[] = [];
    const used = new Set<string>();
    const declaredImages = new Set(images.addresses());
    for (const vm of vms.values()) {
      const depends = new Set<string>();
      const base = this.#values.base(vm);
      const { clone } = vm;
      // What a clone stands on may be declared no more.
      if (base !== undefined && (clone === undefined || declaredImages.has(base.address)))
        depends.add(base.address);
      if (clone !== undefined && clone.recorded === undefined) depends.add(`vm.${clone.inputs.vm}`);
      const interfaces = networks.interfaces(vm.name);
      for (const { name } of interfaces) depends.add(`network.${name}`);
      const attachments = volumes.attachments(vm.name);
      for (const { name } of attachments) depends.add(`volume.${name}`);
      for (const address of resolveDependsOn(vm, addressable, this.#findings)) depends.add(address);
      const { inputs, preventDestroy } = normaliseVm(vm, base ?? { address: "", image: "", user: "vmlab" }, {
        evaluator: this.#evaluator,
        findings: this.#findings,
        accel: this.#lab.accel,
        interfaces,
        volumes: attachments,
        shares: vmShares(vm, attachments, this.#findings),
        note: (analysis, deferred) => {
          for (const address of analysis.dependsOn) depends.add(address);
          if (deferred) this.#reads.note(analysis, `vm.${vm.name}`, vm.scope);
        },
      });
      this.#findings.push(...findSmallDisk(vm, base?.address, inputs, images));
      const lifecycle = normaliseLifecycle(vm, {
        values: this.#values,
        addressable,
        findings: this.#findings,
        hash: this.#input.hash,
      });
      for (const address of lifecycle?.triggers ?? []) depends.add(address);
      for (const address of depends) used.add(address);
      machines.push({ vm, inputs });
      vmResources.push({
        address: `vm.${vm.name}`,
        type: "vm",
        name: vm.name,
        provider: this.#lab.provider,
        inputs,
        dependsOn: [...depends],
        origin: vm.origin,
        preventDestroy,
        ...(lifecycle === undefined ? {} : { lifecycle }),
        ...(vm.rolling === undefined ? {} : { rolling: vm.rolling }),
        ...(vm.member === undefined ? {} : { environment: vm.member }),
      });
    }
    this.#findings.push(...findPortClashes(machines));
    const outputs = this.#outputs();
    results?.checkAll();
    const checks = evaluateChecks({
      lab: this.#lab,
      context: this.#context,
      names: this.#values.names,
      findings: this.#findings,
      note: (analysis) => this.#reads.note(analysis, LAB_SCOPE, EMPTY_SCOPE),
    });
    const needed = neededImages(imageResources, used);
    const all = [...secrets, ...imageResources, ...vmResources];
    this.#findings.push(
      ...moveFindings(declaredMoves(this.#lab), all),
      ...removalFindings(this.#lab, all),
      ...importFindings(this.#lab, all),
    );
    return {
      resources: [
        ...secrets,
        ...imageResources.filter(({ address }) => needed.has(address)),
        ...this.#networkResources(networks),
        ...this.#volumeResources(volumes),
        ...vmResources,
      ],
      outputs,
      checks,
      values: this.#reads.values(machines),
      unneeded: imageResources.filter(({ address }) => !needed.has(address)),
      ...(results === undefined
        ? {}
        : {
            modules: {
              ...this.#reads.ofModules(results.names.keys()),
              groups: Object.fromEntries(composed.groups),
            },
          }),
      diagnostics: this.#diagnostics(),
    };
  }

  /** Makes the modules' names and values known to expressions. */
  #useResults(composed: ComposedLab): ModuleResults | undefined {
    this.#document = composed.document;
    this.#originOf = composed.originOf;
    this.#scopeOf = (table, name) => {
      const { module } = composed.scopeOf(table, name);
      const members = module === undefined ? undefined : this.#values.results?.members.get(module);
      return module === undefined ? EMPTY_SCOPE : { module, members: members ?? {} };
    };
    this.#values.setSecrets(tableOf(composed.document.secrets));
    this.#values.groups = composed.groups;
    if (composed.uses.size === 0) return undefined;
    const results = new ModuleResults(composed.uses, this.#evaluator, this.#findings);
    this.#values.results = results;
    results.checkEarly();
    return results;
  }

  #nothing(): Expansion {
    const values = { vars: {}, sensitiveVars: {}, vms: {}, scopes: {} };
    const checks = { failed: [], deferred: [] };
    return { resources: [], outputs: [], checks, values, diagnostics: this.#diagnostics() };
  }

  #originOf = (table: string, name: string): Origin => this.#declaredAt(table, name);

  /** What the expressions of a table other than a VM's see. */
  #scopeOf: (table: string, name: string) => Scope = () => EMPTY_SCOPE;

  /** Where a named table of the lab was declared; for settings tables (`lab`, `limits`) where the key stands. */
  readonly #declaredAt = (table: string, name: string): Origin => {
    const declared = this.#lab.origins.get(`${table}.${name}`);
    if (declared !== undefined) return declared;
    const whole = this.#lab.origins.get(table);
    return { file: whole?.file ?? this.#lab.sources[0]?.path ?? "lab.toml", path: [table, name] };
  };

  #imageResources(images: ImageDeclarations): Resource[] {
    return images.addresses().flatMap((address): Resource[] => {
      const inputs = images.inputs(address);
      if (inputs === undefined) return [];
      const { build } = inputs;
      return [
        {
          address,
          type: address.startsWith("role.") ? "role" : "image",
          name: address.slice(address.indexOf(".") + 1),
          provider: this.#lab.provider === "fake" ? "fake" : build === undefined ? "images" : "packer",
          inputs,
          dependsOn: build === undefined ? [] : [build.parent],
          origin: images.originOf(address),
          preventDestroy: false,
        },
      ];
    });
  }

  #secrets(): Resource[] {
    return Object.entries(tableOf(this.#document.secrets)).map(([name, table]) => {
      const origin = this.#originOf("secrets", name);
      const address = `secret.${name}`;
      const scope = this.#scopeOf("secrets", name);
      const depends = new Set<string>();
      const inputs = secretInputs(name, tableOf(table), origin, {
        evaluator: this.#evaluator,
        findings: this.#findings,
        kinds: this.#values.names.secrets,
        site: (setting, path) => ({
          scope,
          scopeId: address,
          name: setting,
          address,
          origin: () => ({ ...origin, path: [...origin.path, ...path] }),
          note: (analysis, deferred) => {
            for (const one of analysis.dependsOn) depends.add(one);
            if (deferred) this.#reads.note(analysis, address, scope);
          },
        }),
      });
      return {
        address,
        type: "secret",
        name,
        provider: "engine",
        inputs,
        dependsOn: [...depends],
        origin,
        preventDestroy: false,
      };
    });
  }

  #networkResources(networks: LabNetworks): Resource[] {
    return networks.names().flatMap((name): Resource[] => {
      const inputs = networks.inputs(name);
      if (inputs === undefined) return [];
      const origin = this.#originOf("networks", name);
      const address = `network.${name}`;
      const { provider } = this.#lab;
      return [
        { address, type: "network", name, provider, inputs, dependsOn: [], origin, preventDestroy: false },
      ];
    });
  }

  #volumeResources(volumes: LabVolumes): Resource[] {
    return volumes.declared().map(({ name, inputs, preventDestroy, origin }): Resource => {
      const { provider } = this.#lab;
      const address = `volume.${name}`;
      return { address, type: "volume", name, provider, inputs, dependsOn: [], origin, preventDestroy };
    });
  }

  #outputs(): OutputDeclaration[] {
    return Object.entries(tableOf(this.#document.outputs)).flatMap(([name, value]) => {
      const table = tableOf(value);
      const origin = this.#originOf("outputs", name);
      const result = this.#output(table.value ?? null, name, [...origin.path, "value"], origin.file);
      const sensitive = table.sensitive === true || holdsSensitive(result);
      const description = typeof table.description === "string" ? { description: table.description } : {};
      return [{ name, value: result, sensitive, ...description }];
    });
  }

  /** An output may be a list or table with expressions inside. */
  #output(raw: Json, name: string, path: readonly (string | number)[], file: string): Json {
    if (Array.isArray(raw))
      return raw.map((item: Json, index) => this.#output(item, name, [...path, index], file));
    if (typeof raw === "object" && raw !== null) {
      return Object.fromEntries(
        Object.entries(raw).map(([key, inner]) => [key, this.#output(inner, name, [...path, key], file)]),
      );
    }
    const value = this.#evaluator.value(raw, "json", {
      scope: EMPTY_SCOPE,
      scopeId: LAB_SCOPE,
      name: `outputs.${name}`,
      origin: () => ({ file, path }),
      note: (analysis, deferred) => {
        if (deferred) this.#reads.note(analysis, LAB_SCOPE, EMPTY_SCOPE);
      },
    });
    return (value ?? null) as Json;
  }

  #diagnostics(): readonly Diagnostic[] {
    if (this.#findings.length === 0) return [];
    const diagnostics = toDiagnostics(this.#findings, (origin, spot) => this.#lab.locate(origin, spot));
    const limit = 100;
    if (diagnostics.length <= limit) return diagnostics;
    const rest = problem({
      code: "config/many-problems",
      summary: `${diagnostics.length - limit} further problems are not shown`,
    });
    return [...diagnostics.slice(0, limit), rest];
  }
}

function holdsSensitive(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("$expr" in value) return (value as { sensitive?: unknown }).sensitive === true;
  return Object.values(value).some(holdsSensitive);
}
