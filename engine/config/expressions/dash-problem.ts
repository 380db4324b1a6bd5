/** `vms.k8s-cp.ip` means a subtraction in CEL. Says so, with the fix. */
import type { ExpressionProblem } from "./cel.ts";

const WITH_DASH = /\b(vms|members|environments)\.([a-z][a-z0-9_]*(?:-[a-z0-9_]+)+)/;

/** The problem of an expression that failed, when a name with a dash is in it. Offsets into the expression. */
export function dashProblem(expression: string): ExpressionProblem | undefined {
  // Texts in quotes may hold anything.
  const code = expression.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (quoted) =>
    " ".repeat(quoted.length),
  );
  const match = WITH_DASH.exec(code);
  if (match === null) return undefined;
  const [whole, root = "", name = ""] = match;
  return {
    summary: `In an expression "${name}" is a subtraction`,
    hint: `Write ${root}.${name.replaceAll("-", "_")} or ${root}["${name}"].`,
    reason: "dash",
    start: match.index,
    end: match.index + whole.length,
  };
}
