/** VMs that a command works on have to exist. */
import { type Diagnostic, DiagnosticsError, problem } from "../diagnostics.ts";
import type { ResourceState, State } from "../state/types.ts";

export type MadeVm = ResourceState & { readonly instance: string };

/** The VM's record, which has an instance. */
export function requireMade(state: State | undefined, name: string): MadeVm {
  const record = state?.resources[`vm.${name}`];
  if (record?.instance === undefined) throw new DiagnosticsError([notMade(name)]);
  return { ...record, instance: record.instance };
}

export function notMade(name: string): Diagnostic {
  return problem({
    code: "operate/not-made",
    address: `vm.${name}`,
    summary: `vm.${name} does not exist yet`,
    hint: `\`vmlab apply --target vm.${name}\` makes it.`,
  });
}
