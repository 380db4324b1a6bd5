/** lifecycle.prevent_destroy: a plan that would delete or replace a protected resource is refused. */
import type { Resource } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { ResourceState } from "../state/types.ts";
import type { Decision } from "./decision.ts";

export function protectionProblem(
  address: string,
  decision: Decision,
  resource: Resource | undefined,
  recorded: ResourceState | undefined,
): Diagnostic | undefined {
  const destroys = decision.action === "delete" || decision.action === "replace";
  // Taking the table out of lab.toml must not be a way round the protection: the record counts, unless the
  // declaration that is still there says otherwise.
  const isProtected = resource === undefined ? recorded?.preventDestroy === true : resource.preventDestroy;
  if (!destroys || !isProtected) return undefined;
  return problem({
    code: "plan/protected",
    address,
    summary: `${address} is protected: this plan would ${decision.action} it`,
    ...(decision.summary === "" ? {} : { detail: `Because: ${decision.summary}` }),
    hint: "Set lifecycle.prevent_destroy = false and apply that first, or leave it out with --exclude.",
  });
}
