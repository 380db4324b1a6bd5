/** What inputs and outputs of the modules in use come to: evaluated on demand, each once. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { cel } from "../expressions/cel.ts";
import { referencesIn } from "../expressions/references.ts";
import { mayHoldExpression, parseTemplate } from "../expressions/template.ts";
import type { ModuleNames, SourceValue } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import type { InputRule, ModuleValues, Origin, Scope } from "../types.ts";
import { type Analysis, NO_ANALYSIS, unionOf } from "./analysis.ts";
import type { Evaluator, Outcome, Site } from "./evaluator.ts";
import { declaredInputs, defaultInput, inputProblem, inputRule } from "./module-inputs.ts";
import type { ModuleUse } from "./use-modules.ts";

export class ModuleResults {
  readonly names: ReadonlyMap<string, ModuleNames>;
  /** Set when the VMs are declared: environment → what `members` means in it. */
  members: ReadonlyMap<string, NonNullable<Scope["members"]>> = new Map();
  readonly #uses: ReadonlyMap<string, ModuleUse>;
  readonly #evaluator: Evaluator;
  readonly #findings: Finding[];
  readonly #values = new Map<string, SourceValue>();
  readonly #analyses = new Map<string, Analysis>();
  readonly #evaluating: string[] = [];

  constructor(uses: ReadonlyMap<string, ModuleUse>, evaluator: Evaluator, findings: Finding[]) {
    this.#uses = uses;
    this.#evaluator = evaluator;
    this.#findings = findings;
    this.names = new Map(
      [...uses].map(([name, { module, own }]) => [
        name,
        {
          inputs: Object.keys(declaredInputs(module)),
          outputs: Object.keys(tableOf(module.document.outputs)),
          secrets: own.get("secrets") ?? new Map(),
        },
      ]),
    );
  }

  /** Evaluates the inputs that decide, or may decide, which resources there are. */
  checkEarly(): void {
    for (const [name, use] of this.#uses) {
      for (const [input, raw] of Object.entries(use.inputs))
        if (!readsResources(raw)) this.input(name, input);
    }
  }

  /** Evaluates all that nothing may have read. */
  checkAll(): void {
    for (const [name, { inputs, outputs }] of this.names) {
      for (const input of inputs) this.input(name, input);
      for (const output of outputs) this.output(name, output);
    }
  }

  input(environment: string, name: string): SourceValue {
    const use = this.#uses.get(environment);
    const declaration = use === undefined ? undefined : declaredInputs(use.module)[name];
    const unknown = { known: false, address: `environment.${environment}`, sensitive: false } as const;
    if (use === undefined || declaration === undefined) return unknown;
    const raw = use.inputs[name];
    if (raw === undefined) return { known: true, value: defaultInput(declaration), sensitive: false };
    const site = inputSite(use, name);
    const origin = site.origin();
    return this.#once(`environments.${environment}.inputs.${name}`, origin, () => {
      const value = this.#evaluated(raw, site);
      const rule = inputRule(declaration);
      const place = { file: use.module.file, path: ["inputs", name] };
      const { sensitive } = value;
      const wrong = [
        value.known
          ? inputProblem({ name, value: value.value, rule, sensitive, declaration: place, origin })
          : undefined,
        declaration.sensitive === true ? this.#givenInClear(use, name, raw, place) : undefined,
      ].filter((finding) => finding !== undefined);
      this.#findings.push(...wrong);
      return value;
    });
  }

  output(environment: string, name: string): SourceValue {
    const use = this.#uses.get(environment);
    if (use === undefined) return { known: false, address: `environment.${environment}`, sensitive: false };
    const { raw, site } = this.#output(use, name);
    return this.#once(`environments.${environment}.outputs.${name}`, site.origin(), () =>
      this.#evaluated(raw, site),
    );
  }

  /** What an input comes from. With `onlyVars` its problems say whether it can be known before resources are. */
  inputAnalysis(environment: string, name: string, onlyVars: boolean): Analysis {
    const use = this.#uses.get(environment);
    const raw = use?.inputs[name];
    if (use === undefined || raw === undefined) return NO_ANALYSIS;
    const site = { ...inputSite(use, name), onlyVars };
    return this.#analysed(`inputs ${environment}.${name} ${onlyVars}`, raw, site);
  }

  outputAnalysis(environment: string, name: string): Analysis {
    const use = this.#uses.get(environment);
    if (use === undefined) return NO_ANALYSIS;
    const { raw, site } = this.#output(use, name);
    const analysis = this.#analysed(`outputs ${environment}.${name}`, raw, site);
    return site.sensitive === true ? { ...analysis, sensitive: true } : analysis;
  }

  /** As a plan holds it: values that are not known yet, or that are sensitive, as expressions. */
  planned(environment: string): ModuleValues | undefined {
    const use = this.#uses.get(environment);
    const names = this.names.get(environment);
    if (use === undefined || names === undefined) return undefined;
    const inputs: Record<string, Json> = {};
    const rules: Record<string, InputRule> = {};
    for (const name of names.inputs) {
      const declaration = declaredInputs(use.module)[name] ?? {};
      const raw = use.inputs[name];
      inputs[name] =
        raw === undefined ? defaultInput(declaration) : this.#deferred(raw, inputSite(use, name));
      if (raw !== undefined && !this.input(environment, name).known) rules[name] = inputRule(declaration);
    }
    const outputs: Record<string, Json> = {};
    for (const name of names.outputs) {
      const { raw, site } = this.#output(use, name);
      outputs[name] = this.#deferred(raw, site);
    }
    return { inputs, outputs, secrets: Object.fromEntries(names.secrets), rules };
  }

  /** Of the deferred values in {@link planned}. */
  scopes(environment: string): Readonly<Record<string, Scope>> {
    const use = this.#uses.get(environment);
    if (use === undefined) return {};
    return { [inputScopeId(use)]: use.scope, [outputScopeId(use)]: this.#outputScope(use) };
  }

  #givenInClear(use: ModuleUse, name: string, raw: Json, declaration: Origin): Finding | undefined {
    if (raw === "" || this.inputAnalysis(use.name, name, false).sensitive) return undefined;
    return {
      code: "config/sensitive-in-clear",
      summary: `The input "${name}" is sensitive, and its value is not`,
      detail: "What is written in lab.toml or comes from a plain variable is shown and recorded in clear.",
      origin: inputSite(use, name).origin(),
      related: [{ message: "the module says so here", origin: declaration }],
      hint: "Give it a secret of the lab, or a variable with sensitive = true.",
    };
  }

  #output(use: ModuleUse, name: string): { raw: Json; site: Site } {
    const { value = null, sensitive } = tableOf(tableOf(use.module.document.outputs)[name]);
    const usedBy = { environment: use.name, origin: use.origin };
    const origin = { file: use.module.file, path: ["outputs", name, "value"], usedBy };
    const site: Site = {
      scope: this.#outputScope(use),
      scopeId: outputScopeId(use),
      name: `outputs.${name}`,
      origin: () => origin,
      sensitive: sensitive === true,
    };
    return { raw: value, site };
  }

  #outputScope({ name }: ModuleUse): Scope {
    return { module: name, members: this.members.get(name) ?? {} };
  }

  #once(what: string, origin: Origin, evaluate: () => SourceValue): SourceValue {
    const known = this.#values.get(what);
    if (known !== undefined) return known;
    if (this.#evaluating.includes(what)) {
      const ring = [...this.#evaluating.slice(this.#evaluating.indexOf(what)), what];
      this.#findings.push({
        code: "config/reference-cycle",
        summary: `Settings are computed from each other: ${ring.join(" → ")}`,
        origin,
        hint: "Give one of them a plain value.",
      });
      return { known: false, address: what, sensitive: false };
    }
    this.#evaluating.push(what);
    try {
      const value = evaluate();
      this.#values.set(what, value);
      return value;
    } finally {
      this.#evaluating.pop();
    }
  }

  /** The value of a list or table with expressions inside: known when all of them are. */
  #evaluated(raw: Json, site: Site): SourceValue {
    const outcomes: Outcome[] = [];
    const value = eachText(raw, [], (text, path) => {
      const outcome = this.#evaluator.outcome(text, "json", siteBelow(site, path));
      outcomes.push(outcome);
      return outcome.kind === "value" ? outcome.value : null;
    });
    const sensitive = outcomes.some((outcome) => outcome.kind !== "wrong" && outcome.sensitive);
    const unknown = outcomes.find((outcome) => outcome.kind !== "value");
    if (unknown === undefined) return { known: true, value, sensitive };
    return { known: false, address: unknown.kind === "unknown" ? unknown.address : site.name, sensitive };
  }

  #deferred(raw: Json, site: Site): Json {
    return eachText(
      raw,
      [],
      (text, path) => (this.#evaluator.value(text, "json", siteBelow(site, path)) ?? null) as Json,
    );
  }

  #analysed(key: string, raw: Json, site: Site): Analysis {
    const known = this.#analyses.get(key);
    if (known !== undefined) return known;
    // For one that is computed from itself, which evaluating it reports.
    this.#analyses.set(key, NO_ANALYSIS);
    const analyses: Analysis[] = [];
    eachText(raw, [], (text) => {
      const analysis = this.#evaluator.analysis(text, site);
      if (analysis !== undefined) analyses.push(analysis);
      return text;
    });
    const analysis = unionOf(analyses);
    this.#analyses.set(key, analysis);
    return analysis;
  }
}

function inputSite(use: ModuleUse, name: string): Site {
  const origin = { ...use.origin, path: [...use.origin.path, "inputs", name] };
  return { scope: use.scope, scopeId: inputScopeId(use), name: `inputs.${name}`, origin: () => origin };
}

function inputScopeId({ name }: ModuleUse): string {
  return `inputs of ${name}`;
}

function outputScopeId({ name }: ModuleUse): string {
  return `outputs of ${name}`;
}

function siteBelow(site: Site, path: readonly (string | number)[]): Site {
  if (path.length === 0) return site;
  const origin = site.origin();
  return { ...site, origin: () => ({ ...origin, path: [...origin.path, ...path] }) };
}

/** The value with each string in it exchanged. */
function eachText(
  value: Json,
  path: readonly (string | number)[],
  exchange: (text: string, path: readonly (string | number)[]) => Json,
): Json {
  if (typeof value === "string") return exchange(value, path);
  if (Array.isArray(value))
    return value.map((item: Json, index) => eachText(item, [...path, index], exchange));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, eachText(item, [...path, key], exchange)]),
  );
}

/** True where an expression reads resources of the lab, which are not declared at first. */
function readsResources(raw: Json): boolean {
  let reads = false;
  eachText(raw, [], (text) => {
    const template = mayHoldExpression(text) ? parseTemplate(text) : { parts: [] };
    for (const part of "parts" in template ? template.parts : []) {
      const parsed = part.kind === "expression" ? cel().parse(part.text) : undefined;
      if (parsed === undefined || "problem" in parsed) continue;
      reads ||= referencesIn(parsed.ast).some(({ root }) =>
        ["secrets", "vms", "environments"].includes(root),
      );
    }
    return text;
  });
  return reads;
}

function tableOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
