/** What stands in the way of starting VMs, looked at before anything is done. */
import type { ImageObservation } from "../../providers/provider.ts";
import { type Diagnostic, isDiagnosticsError, problem } from "../diagnostics.ts";
import type { ResourceState, State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { recordedSpecs } from "./recorded-spec.ts";

/** By address; a VM that can be started has no entry. */
export async function startProblems(
  workspace: Workspace,
  state: State,
  records: readonly ResourceState[],
): Promise<ReadonlyMap<string, readonly Diagnostic[]>> {
  const found = new Map<string, readonly Diagnostic[]>();
  if (records.length === 0) return found;
  const { vm, image } = workspace.providers;
  const specOf = recordedSpecs(workspace, state, {});
  const images = await image.read([...new Set(records.map(baseOf))].filter((digest) => digest !== ""));
  await Promise.all(
    records.map(async (record) => {
      const base = images.get(baseOf(record));
      const sound = base === undefined || base.state === "present";
      const problems = sound ? [] : [imageChanged(record, base)];
      problems.push(...(await failures(() => vm.checkStart(specOf(record)))));
      if (problems.length > 0) found.set(record.address, problems);
    }),
  );
  return found;
}

async function failures(look: () => Promise<void>): Promise<readonly Diagnostic[]> {
  try {
    await look();
    return [];
  } catch (error) {
    if (isDiagnosticsError(error)) return error.diagnostics;
    throw error;
  }
}

/** Digest of the image below its disk; empty for a disk that stands alone. */
function baseOf({ attributes: { base } }: ResourceState): string {
  return typeof base === "string" ? base : "";
}

function imageChanged(
  record: ResourceState,
  image: Exclude<ImageObservation, { state: "present" }>,
): Diagnostic {
  const { address } = record;
  const what =
    image.state === "absent" ? "is gone from the store" : `was changed in the store: ${image.reason}`;
  return problem({
    code: "operate/image-changed",
    address,
    summary: `the image that ${address} stands on ${what}`,
    detail: `Its disk holds only what differs from the image ${baseOf(record)}: without those bytes it is damaged.`,
    hint: "`vmlab images verify --repair` looks at every byte and mends what it can.",
  });
}
