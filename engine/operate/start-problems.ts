/** What stands in the way of starting VMs, looked at before anything is done. */
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
  const images = await image.read([...new Set(records.map(({ attributes }) => String(attributes.base)))]);
  await Promise.all(
    records.map(async (record) => {
      const base = images.get(String(record.attributes.base));
      const problems = base?.state === "changed" ? [imageChanged(record, base.reason)] : [];
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

function imageChanged({ address, attributes }: ResourceState, reason: string): Diagnostic {
  return problem({
    code: "operate/image-changed",
    address,
    summary: `the image that ${address} stands on was changed in the store: ${reason}`,
    detail: `Its disk holds only what differs from the image ${String(attributes.base)}: on other bytes it is damaged.`,
    hint: "`vmlab images verify --repair` looks at every byte and mends what it can.",
  });
}
