/** Why a resource changes, in words. */
import type { Change, Plan, Reason } from "../../engine/plan/types.ts";

/** The cause behind the arrow of a plan line: what is not already said by the change's own summary. */
export function causeOf(change: Change): string {
  const causes = change.reasons.flatMap((reason) => shortCause(reason, change) ?? []);
  const kept = [...new Set(causes)].filter((cause) => !change.summary.includes(cause));
  if (kept.length === 0) return "";
  return kept.length <= 3 ? kept.join(", ") : `${kept.slice(0, 2).join(", ")} and ${kept.length - 2} more`;
}

function shortCause(reason: Reason, change: Change): string | undefined {
  switch (reason.kind) {
    case "new":
    case "attribute":
      return undefined;
    case "removed":
      // An image also goes when it is declared and no VM stands on it any more; its summary says so.
      return change.type === "image" ? undefined : "no longer declared";
    case "file":
      return `${reason.path} changed${lineCounts(reason)}`;
    case "dependency":
      return reason.address;
    case "drift":
      return reason.what;
    case "resume":
      return `goes on after "${reason.phase}"`;
    case "requested":
      return reason.by;
    case "triggered":
      return reason.by;
    case "moved":
      return `was ${reason.from}`;
  }
}

function lineCounts(reason: { readonly added?: number; readonly removed?: number }): string {
  if (reason.added === undefined && reason.removed === undefined) return "";
  return ` (+${reason.added ?? 0} −${reason.removed ?? 0})`;
}

/** The whole chain of causes of one resource, an indented line for each link. */
export function explain(plan: Plan, address: string): string[] {
  const changes = new Map(plan.changes.map((change) => [change.address, change]));
  const change = changes.get(address);
  if (change === undefined) return [`${address} does not change.`];
  const lines: string[] = [];
  const seen = new Set<string>();
  const open: { text: string; change?: Change; depth: number }[] = [
    { text: sentence(change), change, depth: 0 },
  ];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { depth } = next;
    lines.push(`${"  ".repeat(depth)}${depth === 0 ? "" : "because "}${next.text}`);
    const current = next.change;
    if (current === undefined || seen.has(current.address)) continue;
    seen.add(current.address);
    open.unshift(
      ...current.reasons.map((reason) => {
        const cause = reason.kind === "dependency" ? changes.get(reason.address) : undefined;
        return {
          text: cause === undefined ? longCause(reason, current.address) : sentence(cause),
          ...(cause && { change: cause }),
          depth: depth + 1,
        };
      }),
    );
  }
  return lines;
}

const VERBS = {
  "no-op": "stays as it is",
  create: "is created",
  update: "is updated",
  replace: "is replaced",
  delete: "is deleted",
  move: "is moved",
  import: "is imported",
  forget: "is forgotten",
  build: "is built",
  start: "is started",
  stop: "is stopped",
} as const;

function sentence(change: Change): string {
  const place = change.place === undefined ? "" : ` (${change.place})`;
  const summary = change.summary === "" || change.summary === change.action ? "" : `: ${change.summary}`;
  return `${change.address} ${VERBS[change.action]}${summary}${place}`;
}

function longCause(reason: Reason, address: string): string {
  switch (reason.kind) {
    case "new":
      return "it is declared and does not exist yet";
    case "removed":
      return address.startsWith("image.")
        ? "nothing in the lab stands on it any more"
        : "it exists and is no longer declared";
    case "attribute":
      return `${reason.path} changed (${CLASSES[reason.change]})`;
    case "file":
      return `the file ${reason.path} changed${lineCounts(reason)}`;
    case "dependency":
      return `it stands on ${reason.address}`;
    case "drift":
      return `what exists differs from what was recorded: ${reason.what}`;
    case "resume":
      return `an earlier run ended after "${reason.phase}"`;
    case "requested":
      return `${reason.by} asks for it`;
    case "triggered":
      return `${reason.by} changes, which lifecycle.replace_triggered_by names`;
    case "moved":
      return `[[moved]] says that it was ${reason.from}`;
  }
}

const CLASSES = {
  live: "changed while it runs",
  restart: "needs a restart",
  grow: "grows in place",
  provision: "runs provisioning steps again",
  replace: "needs a new machine",
} as const;
