/** What this host lacks to carry out a plan: programs, firmware, an accelerator that was asked for. */
import type { VmProvider } from "../../providers/provider.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { Operation, PlannedResource } from "./types.ts";

/** Empty when no machine is made or started. Asks the provider, which looks at the host. */
export async function hostProblems(
  provider: VmProvider,
  operations: readonly Operation[],
  resources: Readonly<Record<string, PlannedResource>>,
): Promise<readonly Diagnostic[]> {
  const vms = operations.flatMap((operation) => {
    const planned = resources[operation.address];
    const works = operation.step === "create" || operation.step === "start";
    return works && planned?.type === "vm" ? [planned.inputs] : [];
  });
  if (vms.length === 0) return [];
  return provider.check({
    uefi: vms.some((vm) => vm.firmware === "uefi"),
    accels: [...new Set(vms.map((vm) => vm.accel))],
  });
}
