/** Which image or role a clone stands on. */
import { isJsonObject } from "../../json.ts";
import type { DeclaredClone, VmDeclaration } from "./declaration.ts";
import type { Base } from "./lab-values.ts";

/** What the record of the clone says once it exists; before that, what its source stands on. */
export function cloneBase(
  { inputs, recorded }: DeclaredClone,
  vms: ReadonlyMap<string, VmDeclaration>,
  baseOf: (vm: VmDeclaration) => Base | undefined,
): Base | undefined {
  if (recorded === undefined) {
    const source = vms.get(inputs.vm);
    return source === undefined ? undefined : baseOf(source);
  }
  const kind = typeof recorded.role === "string" ? "role" : "image";
  const name = String(recorded[kind]);
  const user = isJsonObject(recorded.login) ? recorded.login.user : undefined;
  return { address: `${kind}.${name}`, [kind]: name, user: typeof user === "string" ? user : "vmlab" };
}
