/** Evaluates the settings of a lab when planning: to a value, to an expression for later, or to a finding. */
import type { Json } from "../../json.ts";
import type { ExpressionProblem } from "../expressions/cel.ts";
import type { ExpressionContext } from "../expressions/context.ts";
import { evaluateTemplate } from "../expressions/evaluate-template.ts";
import { mayHoldExpression } from "../expressions/template.ts";
import type { Finding } from "../findings.ts";
import { normaliseValue, type PropertyKind } from "../property-values.ts";
import type { Deferred, OrDeferred, Origin, Scope } from "../types.ts";
import { analyse } from "./analyse.ts";
import type { Analysis, Names } from "./analysis.ts";

/** Where a setting stands and what its expressions see. */
export interface Site {
  readonly scope: Scope;
  /** Key of the scope in {@link EvaluationValues.scopes}. */
  readonly scopeId: string;
  /** `memory`, for messages. */
  readonly name: string;
  readonly address?: string;
  readonly origin: () => Origin;
  /** Must be known now and may read variables only. */
  readonly onlyVars?: boolean;
  /** Counts as sensitive whatever it reads. */
  readonly sensitive?: boolean;
  /** Receives what the setting's expressions refer to. */
  readonly note?: (analysis: Analysis, deferred: boolean) => void;
}

export type Outcome =
  | { readonly kind: "value"; readonly value: Json; readonly sensitive: boolean }
  | { readonly kind: "unknown"; readonly address: string; readonly sensitive: boolean }
  /** A finding was made. */
  | { readonly kind: "wrong" };

type DeferrableKind = NonNullable<Deferred["as"]>;

const WRONG: Outcome = { kind: "wrong" };

export class Evaluator {
  readonly #context: ExpressionContext;
  readonly #names: Names;
  readonly #findings: Finding[];
  readonly #hash: (value: Json) => string;

  constructor(context: ExpressionContext, names: Names, findings: Finding[], hash: (value: Json) => string) {
    this.#context = context;
    this.#names = names;
    this.#findings = findings;
    this.#hash = hash;
  }

  /** The value of a setting, normalised. */
  outcome(raw: Json, kind: PropertyKind, site: Site): Outcome {
    const always = site.sensitive === true;
    if (!mayHoldExpression(raw)) return this.#normalise(raw, kind, site, always);
    const analysis = this.analysis(raw, site);
    if (analysis === undefined) return WRONG;
    if (analysis.problems.length > 0) {
      for (const one of analysis.problems) this.#findings.push(expressionFinding(one, site));
      return WRONG;
    }
    const evaluation = evaluateTemplate(this.#context, site.scope, raw);
    if (evaluation.kind === "problem") {
      this.#findings.push(expressionFinding(evaluation.problem, site));
      return WRONG;
    }
    if (evaluation.kind === "unknown") {
      site.note?.(analysis, true);
      return { ...evaluation, sensitive: always || evaluation.sensitive || analysis.sensitive };
    }
    site.note?.(analysis, evaluation.sensitive);
    return this.#normalise(evaluation.value, kind, site, always || evaluation.sensitive);
  }

  /** What a string refers to; undefined when it holds no expression. */
  analysis(raw: Json | undefined, site: Pick<Site, "scope" | "onlyVars">): Analysis | undefined {
    if (!mayHoldExpression(raw)) return undefined;
    return analyse(raw, site.scope, this.#names, site.onlyVars);
  }

  /** The value, or the expression it will come from; undefined when a finding was made. */
  value(raw: Json, kind: DeferrableKind, site: Site): OrDeferred<Json> | undefined {
    const outcome = this.outcome(raw, kind, site);
    if (outcome.kind === "wrong") return undefined;
    if (outcome.kind === "value" && !outcome.sensitive) return outcome.value;
    const deferred: Deferred = {
      $expr: String(raw),
      scope: site.scopeId,
      sensitive: outcome.sensitive,
      ...(kind === "json" ? {} : { as: kind }),
      ...(outcome.kind === "value" ? { hash: this.#hash(outcome.value) } : {}),
    };
    return deferred;
  }

  /** The value of a setting that a plan must know and may show. */
  known(raw: Json, kind: PropertyKind, site: Site): Json | undefined {
    const outcome = this.outcome(raw, kind, site);
    if (outcome.kind === "wrong") return undefined;
    if (outcome.kind === "value" && !outcome.sensitive) return outcome.value;
    const why =
      outcome.kind === "unknown"
        ? `It reads what only ${outcome.address} can tell, after it was made.`
        : "It is computed from a secret or a sensitive variable.";
    this.#findings.push({
      code: "config/must-be-known",
      summary: `${site.name} must be known when planning`,
      detail: why,
      origin: site.origin(),
      ...(site.address === undefined ? {} : { address: site.address }),
      hint: "Use a plain value or a variable that is not sensitive.",
    });
    return undefined;
  }

  #normalise(value: Json, kind: PropertyKind, site: Site, sensitive: boolean): Outcome {
    const normalised = normaliseValue(kind, value);
    if ("value" in normalised) return { kind: "value", value: normalised.value, sensitive };
    const shown = sensitive ? "what its expression gives" : JSON.stringify(value);
    this.#findings.push({
      code: typeof value === "number" ? "config/out-of-range" : "config/bad-value",
      summary: `${site.name} cannot be ${shown}`,
      detail: `${site.name} takes ${normalised.wrong}.`,
      origin: site.origin(),
      ...(site.address === undefined ? {} : { address: site.address }),
    });
    return WRONG;
  }
}

export function expressionFinding(
  problem: ExpressionProblem,
  site: Pick<Site, "origin" | "address">,
): Finding {
  const { summary, hint, start, end } = problem;
  return {
    code: "config/bad-expression",
    summary,
    origin: site.origin(),
    spot: { span: { start, end } },
    ...(hint === undefined ? {} : { hint }),
    ...(site.address === undefined ? {} : { address: site.address }),
  };
}
