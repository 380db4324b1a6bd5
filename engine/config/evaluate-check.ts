/** Evaluates one check: when planning with what the lab knows, after apply with what the state tells. */
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { Json } from "../json.ts";
import { formatSize } from "../units.ts";
import { cel, type ExpressionProblem } from "./expressions/cel.ts";
import type { ExpressionContext } from "./expressions/context.ts";
import { type Evaluation, evaluateBare, evaluateTemplate } from "./expressions/evaluate-template.ts";
import { BOUND, type Reference, referencesIn } from "./expressions/references.ts";
import { EMPTY_SCOPE } from "./expressions/value-source.ts";
import type { Check } from "./types.ts";

export type CheckOutcome =
  | { readonly type: "holds" }
  | { readonly type: "fails"; readonly diagnostic: Diagnostic }
  /** What it reads is known only when `address` has told it. */
  | { readonly type: "unknown"; readonly address: string }
  /** The assertion itself is wrong; offsets into it. */
  | { readonly type: "wrong"; readonly problem: ExpressionProblem };

export function evaluateCheck(check: Check, context: ExpressionContext): CheckOutcome {
  const evaluation = evaluateBare(context, EMPTY_SCOPE, check.assert);
  switch (evaluation.kind) {
    case "unknown":
      return { type: "unknown", address: evaluation.address };
    case "problem":
      return { type: "wrong", problem: evaluation.problem };
    case "value":
      if (evaluation.value === true) return { type: "holds" };
      if (evaluation.value === false) return { type: "fails", diagnostic: failure(check, context) };
      return {
        type: "wrong",
        problem: {
          summary: "The assertion is neither true nor false",
          hint: "Compare something: ==, <, in, has(…).",
          start: 0,
          end: check.assert.length,
        },
      };
  }
}

function failure(check: Check, context: ExpressionContext): Diagnostic {
  const message = evaluateTemplate(context, EMPTY_SCOPE, check.message);
  // A message that cannot be told (yet) stands as it was written.
  const text = message.kind === "value" && !message.sensitive ? String(message.value) : check.message;
  const values = valuesRead(check.assert, context);
  return {
    ...problem({
      code: "config/check-failed",
      summary: `The check "${check.name}" fails: ${text}`,
      ...(values.length === 0 ? {} : { detail: values.join("\n") }),
      ...(check.range === undefined ? {} : { range: check.range }),
    }),
    severity: check.severity,
  };
}

const MOST_VALUES = 12;

/** `vms.web.memory = 268435456 (256 MiB)`: what the references of an assertion stand for, without sensitive values. */
function valuesRead(assertion: string, context: ExpressionContext): string[] {
  const parsed = cel().parse(assertion);
  if ("problem" in parsed) return [];
  const references = referencesIn(parsed.ast);
  const looped = references.filter(({ root }) => root === BOUND).map(({ path }) => path[0]);
  const lines = new Set<string>();
  for (const reference of references) {
    if (!READABLE.has(reference.root)) continue;
    for (const path of concretePaths(reference, looped, context)) {
      const value = evaluateBare(context, EMPTY_SCOPE, access(path));
      const text = valueText(value, path);
      if (text !== undefined) lines.add(`${shown(path)} = ${text}`);
    }
  }
  const all = [...lines];
  if (all.length <= MOST_VALUES) return all;
  return [...all.slice(0, MOST_VALUES), `and ${all.length - MOST_VALUES} more`];
}

const READABLE: ReadonlySet<string> = new Set(["vars", "secrets", "vms", "environments"]);

/** The root and the keys below it. In a loop over VMs: one for each of them. */
function concretePaths(
  { root, path }: Reference,
  looped: readonly (string | null | undefined)[],
  context: ExpressionContext,
): string[][] {
  const computed = path.indexOf(null);
  const known = path.slice(0, computed < 0 ? path.length : computed) as string[];
  const rest = computed < 0 ? [] : path.slice(computed + 1);
  if (root === "vms" && computed === 0) {
    const [attribute] = rest;
    return typeof attribute !== "string"
      ? []
      : names(context, "vms.map(n, n)").map((name) => ["vms", name, attribute]);
  }
  const collection = access([root, ...known]);
  const members =
    root === "environments" ? names(context, `${collection}.map(v, v.name)`) : ([] as readonly string[]);
  const attributes = computed < 0 ? looped : rest.slice(0, 1);
  const perMember = members.flatMap((name) =>
    attributes.flatMap((attribute) => (typeof attribute === "string" ? [["vms", name, attribute]] : [])),
  );
  return [...perMember, ...(computed < 0 ? [[root, ...known]] : [])];
}

function names(context: ExpressionContext, expression: string): readonly string[] {
  const evaluation = evaluateBare(context, EMPTY_SCOPE, expression);
  return evaluation.kind === "value" && Array.isArray(evaluation.value)
    ? (evaluation.value as string[]).filter((name) => typeof name === "string")
    : [];
}

function access([root = "", ...keys]: readonly string[]): string {
  return keys.reduce((text, key) => `${text}[${/^\d+$/.test(key) ? key : JSON.stringify(key)}]`, root);
}

function shown([root = "", ...keys]: readonly string[]): string {
  return keys.reduce(
    (text, key) => text + (/^[a-zA-Z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`),
    root,
  );
}

/** Undefined for what is no value by itself: a whole VM, a list of them. */
function valueText(evaluation: Evaluation, path: readonly string[]): string | undefined {
  switch (evaluation.kind) {
    case "problem":
      return undefined;
    case "unknown":
      return "(known after apply)";
    case "value":
      return evaluation.sensitive ? "(sensitive)" : describe(evaluation.value, path.at(-1));
  }
}

function describe(value: Json, key: string | undefined): string {
  const text = JSON.stringify(value);
  const isSize = typeof value === "number" && (key === "memory" || key === "disk");
  return isSize ? `${text} (${formatSize(value)})` : text;
}
