/** How a change of an input is carried out, as the schema says (`x-change`). */
import { definition, type SchemaNode } from "./schema.ts";

export type ChangeClassName = "live" | "restart" | "replace" | "grow" | "provision";

/** Inputs of VMs, volumes, images and secrets have no property name in common that differs in its class. */
const classes = new Map<string, ChangeClassName>();
for (const name of ["Secret", "Image", "Volume", "Vm"]) {
  collect(definition(name), [], 0);
}
// The machine that a role or custom image is built in: its recipe lies below `build`.
for (const [key, node] of Object.entries(definition("Role").properties ?? {})) {
  const own = node["x-change"];
  if (own !== undefined) classes.set(`build.${key === "timeout" ? "timeoutMs" : key}`, own);
}
// The steps of a VM are its files, scripts and run.
const provision = classes.get("run");
if (provision !== undefined) classes.set("steps", provision);

/**
 * The class of an input at a path (`["login", "user"]`), the nearest that the schema gives on the way down; undefined
 * when it gives none.
 */
export function changeClassOf(path: readonly string[]): ChangeClassName | undefined {
  for (let length = path.length; length > 0; length--) {
    const found = classes.get(path.slice(0, length).join("."));
    if (found !== undefined) return found;
  }
  return undefined;
}

function collect(node: SchemaNode, path: readonly string[], depth: number): void {
  const own = node["x-change"];
  if (own !== undefined && path.length > 0) classes.set(path.join("."), own);
  const target = node.$ref === undefined ? node : definition(node.$ref.slice(node.$ref.lastIndexOf("/") + 1));
  if (depth > 2) return;
  for (const [key, child] of Object.entries(target.properties ?? {}))
    collect(child, [...path, key], depth + 1);
}
