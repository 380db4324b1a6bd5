/** `[[moved]]`: what it says, and what is wrong with it by itself. */
import { isJsonObject } from "../json.ts";
import type { Finding } from "./findings.ts";
import type { Lab, Origin, Resource } from "./types.ts";

export interface Move {
  readonly from: string;
  readonly to: string;
  readonly origin: Origin;
}

export function declaredMoves({ document, origins }: Pick<Lab, "document" | "origins">): readonly Move[] {
  const { moved } = document;
  return (Array.isArray(moved) ? moved : []).flatMap((item, index): Move[] => {
    if (!isJsonObject(item)) return [];
    const origin = origins.get(`moved.${index}`) ?? { file: "lab.toml", path: ["moved", index] };
    return [{ from: String(item.from), to: String(item.to), origin }];
  });
}

/** Where a chain of moves ends that begins at an address; undefined when it goes round in a circle. */
export function destination(address: string, next: ReadonlyMap<string, string>): string | undefined {
  const seen = new Set([address]);
  let last = address;
  for (let to = next.get(last); to !== undefined; to = next.get(last)) {
    if (seen.has(to)) return undefined;
    seen.add(to);
    last = to;
  }
  return last;
}

export function moveFindings(moves: readonly Move[], resources: readonly Resource[]): Finding[] {
  if (moves.length === 0) return [];
  const findings: Finding[] = [];
  const declared = new Map(resources.map((resource) => [resource.address, resource]));
  const first = new Map<string, Move>();
  for (const move of moves) {
    const { from, to, origin } = move;
    const at = (key: string): Origin => ({ ...origin, path: [...origin.path, key] });
    if (from.split(".")[0] !== to.split(".")[0]) {
      findings.push({
        code: "config/bad-move",
        summary: `${from} cannot become ${to}`,
        detail: "A resource keeps its type.",
        origin: at("to"),
      });
      continue;
    }
    const other = first.get(from);
    if (other !== undefined) {
      findings.push({
        code: "config/bad-move",
        summary: `${from} is moved twice`,
        origin: at("from"),
        related: [{ message: `to ${other.to} here`, origin: other.origin }],
        hint: "Keep one of them.",
      });
      continue;
    }
    first.set(from, move);
    const still = declared.get(from);
    if (still !== undefined) {
      findings.push({
        code: "config/moved-still-declared",
        summary: `${from} is moved to ${to}, and declared all the same`,
        origin: at("from"),
        address: from,
        related: [{ message: "declared here", origin: still.origin, spot: { part: "key" } }],
        hint: `Rename the table to that of ${to}, or take this [[moved]] out.`,
      });
    }
  }
  return [...findings, ...circles(first)];
}

/** Each circle once, from the first of its moves. */
function circles(moves: ReadonlyMap<string, Move>): Finding[] {
  const next = new Map([...moves].map(([from, { to }]) => [from, to]));
  const told = new Set<string>();
  const findings: Finding[] = [];
  for (const { from, origin } of moves.values()) {
    const ring = [from];
    for (let to = next.get(from); to !== undefined && !ring.includes(to); to = next.get(to)) ring.push(to);
    // A chain that only leads into a circle is not part of it.
    if (next.get(ring.at(-1) ?? "") !== from || ring.some((address) => told.has(address))) continue;
    for (const address of ring) told.add(address);
    findings.push({
      code: "config/bad-move",
      summary: `Moves go round in a circle: ${[...ring, from].join(" → ")}`,
      origin,
      spot: { part: "key" },
      hint: "Take one of them out. To exchange two resources, move one to a new name.",
    });
  }
  return findings;
}
