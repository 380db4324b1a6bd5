/**
 * What the expressions of a string refer to, without evaluating it: wrong names (also in branches that are not taken),
 * which resources must be complete first, and which values its evaluation at apply needs.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { cel, type ExpressionProblem } from "../expressions/cel.ts";
import { bareTemplate, inString } from "../expressions/evaluate-template.ts";
import { BOUND, type Reference, referencesIn } from "../expressions/references.ts";
import { parseTemplate, type Template } from "../expressions/template.ts";
import {
  celName,
  LIVE_ATTRIBUTES,
  nameInModule,
  SSH_GUEST_PORT,
  VM_ATTRIBUTES,
} from "../expressions/value-source.ts";
import { nameHint, nearestName } from "../nearest-name.ts";
import { isPublicAttribute, SECRET_ATTRIBUTES } from "../secret-kinds.ts";
import type { Scope } from "../types.ts";
import { type Analysis, type Names, NO_ANALYSIS } from "./analysis.ts";
import { declared, type Target, TargetResolver } from "./resolve-target.ts";

/** `where` is for messages: what must be known early may read variables only. */
export function analyse(text: string, scope: Scope, names: Names, onlyVars = false): Analysis {
  const template = parseTemplate(text);
  if ("problem" in template) return { ...NO_ANALYSIS, problems: [template.problem] };
  return analyseParts(template, scope, names, onlyVars);
}

/** As {@link analyse} for a bare expression. */
export function analyseBare(text: string, scope: Scope, names: Names): Analysis {
  return analyseParts(bareTemplate(text), scope, names, false);
}

function analyseParts(template: Template, scope: Scope, names: Names, onlyVars: boolean): Analysis {
  const analyser = new Analyser(scope, names, onlyVars);
  for (const part of template.parts) {
    if (part.kind === "text") continue;
    const parsed = cel().parse(part.text);
    if ("problem" in parsed) analyser.problems.push(inString(part, parsed.problem));
    else {
      const before = analyser.problems.length;
      const references = referencesIn(parsed.ast);
      analyser.addExpression(references);
      const [only] = references;
      if (isReference(parsed.ast) && only?.path.length === 1) analyser.addWhole(only);
      // One slip makes one message: the first wrong name of an expression.
      const first = analyser.problems[before];
      if (first !== undefined)
        analyser.problems.splice(before, analyser.problems.length, inString(part, first));
    }
  }
  return analyser;
}

/** What a module does not see, with what it does instead. */
const OUTSIDE: ReadonlyMap<string, string> = new Map([
  [
    "vars",
    'Declare an input, and pass the variable where the module is used: inputs = { NAME = "${vars.NAME}" }.',
  ],
  ["vms", "Its own VMs are members.NAME. Pass what it needs of others as an input."],
  ["environments", "Its own VMs are members.NAME. Pass what it needs of others as an input."],
]);

class Analyser implements Analysis {
  readonly problems: ExpressionProblem[] = [];
  readonly dependsOn = new Set<string>();
  readonly vms = new Set<string>();
  readonly environments = new Set<string>();
  readonly modules = new Set<string>();
  readonly sensitiveVars = new Set<string>();
  sensitive = false;
  /** Outputs that a loop's variable is asked for; null: any. */
  #loopedOutputs: readonly (string | null)[] = [];
  readonly #scope: Scope;
  readonly #names: Names;
  readonly #onlyVars: boolean;
  readonly #targets: TargetResolver;

  constructor(scope: Scope, names: Names, onlyVars: boolean) {
    this.#scope = scope;
    this.#names = names;
    this.#onlyVars = onlyVars;
    this.#targets = new TargetResolver(scope, names, {
      problem: (...found) => this.#problem(...found),
      environment: (name) => this.environments.add(name),
      outputs: (...read) => this.#addOutputs(...read),
      loopedOutputs: () => this.#loopedOutputs,
    });
  }

  addExpression(references: readonly Reference[]): void {
    // Attributes that a loop's variable is asked for: those of every VM of the collection.
    const bound = references.filter((one) => one.root === BOUND).map((one) => one.path);
    const looped = bound.flatMap((path) => path.slice(0, 1));
    this.#loopedOutputs = bound.flatMap(([key, name = null]) => (key === "outputs" ? [name] : []));
    for (const reference of references) this.#add(reference, looped);
  }

  #add(reference: Reference, looped: readonly (string | null)[]): void {
    const { root, path, spans } = reference;
    const outside = this.#scope.module === undefined ? undefined : OUTSIDE.get(root);
    if (outside !== undefined) {
      this.#problem(spans, 0, `"${root}" cannot be seen from inside a module`, outside);
      return;
    }
    if (this.#onlyVars && ["secrets", "vms", "environments", "members", "self"].includes(root)) {
      this.#problem(
        spans,
        0,
        `"${root}" cannot be used here`,
        `What decides which resources there are must be known at once: use ${this.#scope.module === undefined ? "vars" : "inputs"}.`,
      );
      return;
    }
    switch (root) {
      case BOUND:
        return;
      case "vars":
        this.#addVariable(path[0], spans);
        return;
      case "inputs":
        this.#addInput(path[0], spans);
        return;
      case "secrets":
        this.#addSecret(reference);
        return;
      case "vms":
      case "environments":
      case "members":
      case "self": {
        const target = this.#targets.resolve(reference);
        if (target !== undefined) this.#addVms(target, looped);
        return;
      }
      case "each":
        if (this.#scope.each === undefined) this.#problem(spans, 0, "each exists only in VMs with for_each");
        else if (path[0] !== undefined && path[0] !== "key" && path[0] !== "value") {
          this.#problem(spans, 1, `each has no "${path[0]}"`, "There are each.key and each.value.");
        }
        return;
      case "count":
        if (this.#scope.index === undefined)
          this.#problem(spans, 0, "count.index exists only in VMs with count");
        else if (path[0] !== undefined && path[0] !== "index") {
          this.#problem(spans, 1, `count has no "${path[0]}"`, "There is count.index, which counts from 0.");
        }
        return;
      case "KiB":
      case "MiB":
      case "GiB":
      case "TiB":
      case "cel":
      case "optional":
        return;
      default: {
        const known =
          this.#scope.module === undefined
            ? ["vars", "secrets", "vms", "environments", "members", "self", "each", "count"]
            : ["inputs", "secrets", "members", "self", "each", "count"];
        const nearest = nearestName(root, known);
        const hint = nearest === undefined ? `There are: ${known.join(", ")}.` : `Did you mean "${nearest}"?`;
        this.#problem(spans, 0, `There is nothing named "${root}"`, hint);
      }
    }
  }

  #addVariable(name: string | null | undefined, spans: Reference["spans"]): void {
    const { vars } = this.#names;
    const names = name === null || name === undefined ? [...vars.keys()] : [name];
    for (const one of names) {
      const variable = vars.get(one);
      if (variable === undefined) {
        this.#problem(spans, 1, `There is no variable "${one}"`, nameHint(one, vars.keys(), "variables"));
      } else if (variable.sensitive) {
        this.sensitive = true;
        this.sensitiveVars.add(one);
      }
    }
  }

  #addSecret({ path: [name, attribute], spans }: Reference): void {
    const secrets = this.#secrets();
    if (typeof attribute !== "string" || !isPublicAttribute(attribute)) this.sensitive = true;
    for (const one of name === null || name === undefined ? secrets.keys() : [name]) {
      const full = secrets.get(one);
      const kind = this.#names.secrets.get(full ?? one);
      if (full === undefined || kind === undefined) {
        const isOutside = this.#scope.module !== undefined && this.#names.secrets.has(one);
        const hint = isOutside
          ? `A module sees its own secrets. Pass one of the lab's as an input: inputs = { NAME = "\${secrets.${one}}" }.`
          : nameHint(
              one,
              secrets.keys(),
              "secrets",
              this.#scope.module === undefined ? "The lab" : "The module",
            );
        this.#problem(spans, 1, `There is no secret "${one}"`, hint);
        continue;
      }
      this.dependsOn.add(`secret.${full}`);
      const attributes = SECRET_ATTRIBUTES[kind];
      if (typeof attribute !== "string" || attributes.includes(attribute)) continue;
      this.#problem(
        spans,
        2,
        `A secret of kind "${kind}" has no attribute "${attribute}"`,
        attributes.length === 0
          ? `It is one value: write secrets.${one}.`
          : nameHint(attribute, attributes, "attributes"),
      );
    }
  }

  /** An expression that is nothing but a secret with attributes has no value of its own. */
  addWhole({ root, path: [name], spans }: Reference): void {
    const full = root === "secrets" && typeof name === "string" ? this.#secrets().get(name) : undefined;
    const kind = full === undefined ? undefined : this.#names.secrets.get(full);
    const attributes = SECRET_ATTRIBUTES[kind ?? "password"];
    if (attributes.length === 0) return;
    this.#problem(
      spans,
      1,
      `secret.${name} is more than one value`,
      `Name one of them: ${attributes.map((one) => `secrets.${name}.${one}`).join(", ")}.`,
    );
  }

  /** Those that the scope sees: name in it → name in the lab. */
  #secrets(): ReadonlyMap<string, string> {
    const { module } = this.#scope;
    if (module === undefined) return new Map([...this.#names.secrets.keys()].map((name) => [name, name]));
    this.modules.add(module);
    return this.#names.modules.get(module)?.secrets ?? new Map();
  }

  #addInput(name: string | null | undefined, spans: Reference["spans"]): void {
    const { module } = this.#scope;
    if (module === undefined) {
      this.#problem(spans, 0, "inputs exists only inside a module", "Use vars.");
      return;
    }
    this.modules.add(module);
    const names = this.#names.modules.get(module)?.inputs ?? [];
    for (const one of name === null || name === undefined ? names : [name]) {
      if (!names.includes(one)) {
        this.#problem(
          spans,
          1,
          `The module has no input "${one}"`,
          nameHint(one, names, "inputs", "The module"),
        );
        continue;
      }
      const inner = this.#names.input(module, one, this.#onlyVars);
      if (this.#onlyVars && inner.problems.length > 0) {
        const hint =
          "What decides which resources there are must be known at once: give the input a plain value or a variable.";
        this.#problem(spans, 1, `inputs.${one} cannot be used here`, hint);
      }
      this.#include(inner);
    }
  }

  #addOutputs(environment: string, name: string | null | undefined, spans: Reference["spans"]): void {
    const names = this.#names.modules.get(environment)?.outputs;
    this.modules.add(environment);
    if (names === undefined) {
      const hint = "Only an environment with a source has outputs: those of its module.";
      this.#problem(spans, 0, `environment.${environment} has no outputs`, hint);
      return;
    }
    for (const one of name === null || name === undefined ? names : [name]) {
      if (names.includes(one)) this.#include(this.#names.output(environment, one));
      else {
        const hint = nameHint(one, names, "outputs", "Its module");
        this.#problem(spans, 1, `environment.${environment} has no output "${one}"`, hint);
      }
    }
  }

  #include(inner: Analysis): void {
    for (const address of inner.dependsOn) this.dependsOn.add(address);
    for (const name of inner.vms) this.vms.add(name);
    for (const name of inner.environments) this.environments.add(name);
    for (const name of inner.modules) this.modules.add(name);
    for (const name of inner.sensitiveVars) this.sensitiveVars.add(name);
    this.sensitive ||= inner.sensitive;
  }

  #addVms({ vms, rest, spans }: Target, looped: readonly (string | null)[]): void {
    for (const vm of vms) this.vms.add(vm);
    const [attribute, key] = rest;
    if (attribute !== undefined && attribute !== null) {
      if (!(VM_ATTRIBUTES as readonly string[]).includes(attribute)) {
        const hint = nameHint(attribute, VM_ATTRIBUTES, "attributes");
        this.#problem(
          [{ start: 0, end: 0 }, ...spans],
          1,
          `A VM has no attribute "${attribute}"`,
          hint ?? `Attributes: ${VM_ATTRIBUTES.join(", ")}.`,
        );
        return;
      }
      for (const vm of vms) this.#addAttribute(vm, attribute, key, spans);
      return;
    }
    const names = attribute === null ? VM_ATTRIBUTES : VM_ATTRIBUTES.filter((one) => looped.includes(one));
    for (const vm of vms) for (const name of names) this.#addAttribute(vm, name, null, spans);
  }

  #addAttribute(
    vm: string,
    attribute: string,
    key: string | null | undefined,
    spans: Reference["spans"],
  ): void {
    if (LIVE_ATTRIBUTES.has(attribute)) this.#addLive(vm, attribute, spans);
    else if (attribute === "ip" || attribute === "mac") this.#checkNetwork(vm, attribute, spans);
    else if (attribute === "networks" && typeof key === "string") this.#checkNetworkName(vm, key, spans);
    else if (attribute === "ports") {
      const ports = this.#names.ports(vm);
      const keys = key === null || key === undefined ? [...ports.keys()] : [key];
      for (const port of keys) {
        const host = ports.get(port);
        if (host === undefined && port !== SSH_GUEST_PORT) {
          this.#problem(
            [{ start: 0, end: 0 }, ...spans],
            2,
            `vm.${vm} forwards no port ${port}`,
            portsHint([...ports.keys()]),
          );
        } else if (typeof host !== "number") this.#addLive(vm, `ports["${port}"]`, spans);
      }
    }
    const inner = this.#names.attribute(vm, attribute);
    if (inner !== undefined) this.#include(inner);
  }

  #checkNetwork(vm: string, attribute: string, spans: Reference["spans"]): void {
    if (this.#names.networks(vm).size > 0) return;
    this.#problem(
      [{ start: 0, end: 0 }, ...spans],
      1,
      `vm.${vm} has no ${attribute}: it is in no network`,
      "Add it to one with networks; forwarded ports are reached on the host's own address.",
    );
  }

  #checkNetworkName(vm: string, name: string, spans: Reference["spans"]): void {
    const { module } = this.#scope;
    const names = new Set([...this.#names.networks(vm)].map((one) => nameInModule(one, module)));
    if (declared(name, names) !== undefined) return;
    this.#problem(
      [{ start: 0, end: 0 }, ...spans],
      2,
      `vm.${vm} is in no network "${name}"`,
      nameHint(name, [...names].map(celName), "networks"),
    );
  }

  #addLive(vm: string, what: string, spans: Reference["spans"]): void {
    if (vm === this.#scope.self) {
      this.#problem(
        [{ start: 0, end: 0 }, ...spans],
        1,
        `vm.${vm} cannot use its own ${what}`,
        "It is known only after the VM has started.",
      );
      return;
    }
    this.dependsOn.add(`vm.${vm}`);
  }

  #problem(spans: Reference["spans"], index: number, summary: string, hint?: string): void {
    const { start, end } = spans[index] ?? spans.at(-1) ?? { start: 0, end: 0 };
    this.problems.push({ summary, start, end, ...(hint === undefined ? {} : { hint }) });
  }
}

/** `a.b` or `a["b"]` and no more. */
function isReference({ op, args }: ASTNode): boolean {
  return (op === "." || op === "[]") && args[0].op === "id";
}

function portsHint(ports: readonly string[]): string {
  return ports.length === 0
    ? "It forwards none. Add it to the VM's ports."
    : `It forwards ${ports.join(", ")}.`;
}
