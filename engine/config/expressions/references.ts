/** What an expression refers to, read off its syntax tree: `vms.web.memory` → root `vms`, path `web`, `memory`. */
import type { ASTNode } from "@marcbachmann/cel-js";

export interface Reference {
  readonly root: string;
  /** Keys after the root as far as they are written down; null where one is computed. */
  readonly path: readonly (string | null)[];
  /** Offsets of each key of the path in the expression; the root first. */
  readonly spans: readonly { readonly start: number; readonly end: number }[];
}

/** Root of references that begin at a variable bound by a macro: `v.ssh_port` in `vms.map(v, v.ssh_port)`. */
export const BOUND = "";

/** Every reference in an expression, in order; those to variables of macros have {@link BOUND} as their root. */
export function referencesIn(ast: ASTNode): readonly Reference[] {
  const known = cache.get(ast);
  if (known !== undefined) return known;
  const found: Reference[] = [];
  walk(ast, new Set(), found);
  cache.set(ast, found);
  return found;
}

const cache = new WeakMap<ASTNode, readonly Reference[]>();
/** Macros whose first argument names a variable. */
const BINDING = new Set(["all", "exists", "exists_one", "map", "filter", "bind"]);

function walk(node: ASTNode, bound: ReadonlySet<string>, found: Reference[]): void {
  switch (node.op) {
    case "id":
    case ".":
    case ".?":
    case "[]":
    case "[?]": {
      const reference = chain(node);
      if (reference !== undefined) {
        found.push(bound.has(reference.root) ? { ...reference, root: BOUND } : reference);
      }
      walkIndexes(node, bound, found);
      return;
    }
    case "rcall": {
      const [name, receiver, args] = node.args;
      const first = args[0];
      walk(receiver, bound, found);
      const inner = BINDING.has(name) && first?.op === "id" ? new Set([...bound, first.args]) : bound;
      for (const argument of inner === bound ? args : args.slice(1)) walk(argument, inner, found);
      return;
    }
    case "call": {
      // has(a.b) asks whether b is there.
      for (const argument of node.args[1]) walk(argument, bound, found);
      return;
    }
    case "value":
      return;
    default:
      for (const child of childrenOf(node.args)) walk(child, bound, found);
  }
}

/** The receivers and computed indexes of a chain hold references of their own. */
function walkIndexes(node: ASTNode, bound: ReadonlySet<string>, found: Reference[]): void {
  if (node.op === "id") return;
  if (node.op !== "." && node.op !== ".?" && node.op !== "[]" && node.op !== "[?]") {
    walk(node, bound, found);
    return;
  }
  const [receiver, key] = node.args;
  walkIndexes(receiver, bound, found);
  if (typeof key !== "string") walk(key, bound, found);
}

function chain(node: ASTNode): Reference | undefined {
  if (node.op === "id") return { root: node.args, path: [], spans: [{ start: node.start, end: node.end }] };
  if (node.op !== "." && node.op !== ".?" && node.op !== "[]" && node.op !== "[?]") return undefined;
  const [receiver, key] = node.args;
  const before = chain(receiver);
  if (before === undefined) return undefined;
  const name = typeof key === "string" ? key : key.op === "value" ? String(key.args) : null;
  const span =
    typeof key === "string"
      ? { start: node.end - key.length, end: node.end }
      : { start: key.start, end: key.end };
  return { root: before.root, path: [...before.path, name], spans: [...before.spans, span] };
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === "object" && args !== null && "op" in args ? [args as ASTNode] : [];
}
