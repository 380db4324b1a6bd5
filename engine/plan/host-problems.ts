/** What this host lacks to carry out a plan: programs, firmware, an accelerator that was asked for. */
import type { VmProvider } from "../../providers/provider.ts";
import type { VmInputs } from "../config/types.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { Operation, PlannedResource } from "./types.ts";

/** Empty when no machine is made or started. Asks the provider, which looks at the host. */
export async function hostProblems(
  provider: VmProvider,
  operations: readonly Operation[],
  resources: Readonly<Record<string, PlannedResource>>,
  accel: VmInputs["accel"],
): Promise<readonly Diagnostic[]> {
  const works = operations.flatMap(
    (operation): { uefi: boolean; accel: VmInputs["accel"]; nested: boolean }[] => {
      const planned = resources[operation.address];
      switch (planned?.type) {
        case "vm": {
          if (operation.step !== "create" && operation.step !== "start") return [];
          const { firmware, accel } = planned.inputs;
          return [{ uefi: firmware === "uefi", accel, nested: needsNested(planned.requires) }];
        }
        case "image":
        case "role": {
          const built = planned.digest === undefined ? planned.inputs.build : undefined;
          return built === undefined ? [] : [{ uefi: false, accel, nested: needsNested(built.requires) }];
        }
        default:
          return [];
      }
    },
  );
  if (works.length === 0) return [];
  return provider.check({
    uefi: works.some(({ uefi }) => uefi),
    accels: [...new Set(works.map((work) => work.accel))],
    nested: [...new Set(works.filter(({ nested }) => nested).map((work) => work.accel))],
  });
}

function needsNested(requires: readonly string[] | undefined): boolean {
  return requires?.includes("nested-virtualization") === true;
}
