/** A new VM's disk that is smaller than that of an image in the store, whose size no recipe says. */
import type { Resource } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { formatSize } from "../units.ts";
import type { Workspace } from "../workspace.ts";
import type { Decision } from "./decision.ts";
import type { PlannedBase } from "./vm-situation.ts";

export function smallDiskProblem(
  { lab }: Pick<Workspace, "lab">,
  { address, origin }: Resource,
  { steps, planned }: Decision,
  base: PlannedBase,
): Diagnostic | undefined {
  if (planned?.type !== "vm" || !steps.includes("create")) return undefined;
  const { disk } = planned.inputs;
  if (typeof disk !== "number" || base.size === undefined || disk >= base.size) return undefined;
  const range = lab.locate({ ...origin, path: [...origin.path, "disk"] });
  const size = formatSize(base.size);
  return problem({
    code: "plan/disk-too-small",
    address,
    summary: `${address} has a disk of ${formatSize(disk)}, and ${base.address} one of ${size}`,
    hint: `Set disk to ${size.replace(" ", "")} or more.`,
    ...(range === undefined ? {} : { range }),
  });
}
