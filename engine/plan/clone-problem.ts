/** A clone that has to be made needs the VM that it is a clone of. */
import type { Resource, VmInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { Decision } from "./decision.ts";

export function cloneProblem(
  { address, inputs }: Resource,
  decision: Decision,
  isDeclared: (address: string) => boolean,
): Diagnostic | undefined {
  const { clone } = inputs as VmInputs;
  if (clone === undefined || !decision.steps.includes("create") || isDeclared(`vm.${clone.vm}`))
    return undefined;
  return problem({
    code: "plan/clone-source-missing",
    address,
    summary: `${address} has to be made anew as a clone of ${clone.vm}, and lab.toml declares no such VM`,
    detail: "Nothing was changed.",
    hint: `Declare vm.${clone.vm} again, or give ${address} an image or a role instead of clone.`,
  });
}
