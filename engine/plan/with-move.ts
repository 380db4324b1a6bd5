/** A move beside whatever else happens to the resource. */
import type { Decision } from "./decision.ts";
import type { Reason } from "./types.ts";

/** The decision with the move first. A VM that only takes its new name is moved, and nothing else. */
export function withMove(decision: Decision, from: string): Decision {
  const onlyName =
    decision.attributes.length > 0 && decision.attributes.every(({ path }) => path[0] === "name");
  const isMove = decision.action === "no-op" || (decision.action === "update" && onlyName);
  const reason: Reason = { kind: "moved", from };
  return {
    ...decision,
    action: isMove ? "move" : decision.action,
    summary: isMove ? `was ${from}` : decision.summary,
    reasons: [reason, ...decision.reasons],
    steps: ["move", ...decision.steps],
  };
}
