/** Names of new VMs: the next free one, or the refusal of a taken one with a free alternative. */
import type { Expansion, Lab } from "../engine/config/types.ts";
import { fail } from "../engine/diagnostics.ts";
import type { State } from "../engine/state/types.ts";

export interface Taken {
  /** Name → where it is declared (`lab.toml:12`), or that it exists. */
  readonly names: ReadonlyMap<string, string>;
}

/** Every name that a new VM cannot have: declared tables, generated members, VMs of the state. */
export function takenNames(lab: Lab, expansion: Expansion, state: State | undefined): Taken {
  const names = new Map<string, string>();
  for (const resource of Object.values(state?.resources ?? {})) {
    if (resource.type === "vm") names.set(resource.name, "in the state: it exists and is no longer declared");
  }
  for (const resource of expansion.resources) {
    if (resource.type === "vm") names.set(resource.name, placeText(lab, resource.origin));
  }
  for (const [key, origin] of lab.origins) {
    const name = /^vms\.(.+)$/.exec(key)?.[1];
    if (name !== undefined && !name.includes(".")) names.set(name, placeText(lab, origin));
  }
  return { names };
}

function placeText(lab: Lab, origin: Parameters<Lab["locate"]>[0]): string {
  const range = lab.locate(origin);
  return range === undefined ? `declared in ${origin.file}` : `declared at ${range.file}:${range.start.line}`;
}

/** `docker-1`, or the first of `docker-2`, `docker-3`, … that is free. */
export function nextFreeName(base: string, { names }: Taken): string {
  for (let number = 1; ; number++) {
    const suffix = `-${number}`;
    const name = `${base.slice(0, MAX_LENGTH - suffix.length)}${suffix}`;
    if (!names.has(name)) return name;
  }
}

const MAX_LENGTH = 40;

/** Fails unless `name` may be given to a new VM. */
export function requireFreeName(name: string, taken: Taken): void {
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > MAX_LENGTH) {
    fail({
      code: "config/bad-name",
      summary: `"${name}" cannot be the name of a VM`,
      detail:
        "It becomes the hostname: lower-case letters, digits and inner hyphens, beginning with a letter, at most 40.",
      ...hintFor(name, taken),
    });
  }
  const place = taken.names.get(name);
  if (place === undefined) return;
  const free = nextFreeName(name.replace(/-\d+$/, ""), taken);
  fail({
    code: "config/name-taken",
    summary: `there is a VM "${name}" already, ${place}`,
    hint: `"${free}" is free.`,
    address: `vm.${name}`,
  });
}

function hintFor(name: string, taken: Taken): { readonly hint?: string } {
  const usable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, MAX_LENGTH);
  return usable === "" || taken.names.has(usable) ? {} : { hint: `"${usable}" would do.` };
}
