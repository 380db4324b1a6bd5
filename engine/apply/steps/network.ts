/** network: a segment is made, or brought to changed inputs together with the members that run. */
import type { NetworkInputs } from "../../config/types.ts";
import { errorText, isDiagnosticsError, problem } from "../../diagnostics.ts";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { ResourceState } from "../../state/types.ts";
import { networkId } from "../host-entries.ts";
import type { Run, StepCall } from "../run.ts";
import { recordOf } from "./vm-target.ts";

/** Members told at the same time. */
const AT_ONCE = 8;

export async function network(run: Run, call: StepCall): Promise<void> {
  const { planned } = call;
  if (planned?.type !== "network") return;
  const { address, name, provider, dependsOn, preventDestroy, generation, inputs } = planned;
  const id = networkId(run.lab.lineage, name);
  const attributes = await run.providers.network.create({ id, name, lab: run.lab }, call.context);
  await tellMembers(run, call, name, inputs);
  await run.keeper.commit({
    kind: "resource",
    address,
    resource: {
      address,
      type: "network",
      name,
      provider,
      instance: id,
      generation,
      phase: "complete",
      inputs: inputs as unknown as JsonObject,
      attributes,
      dependsOn,
      preventDestroy,
    },
  });
}

export async function disconnect(run: Run, call: StepCall): Promise<void> {
  const { address } = call.operation;
  const { instance } = recordOf(run, address);
  if (instance !== undefined) await run.providers.network.remove(instance);
  await run.keeper.commit({ kind: "resource", address, resource: null });
}

/** One that cannot be told is warned of and holds nobody up: it is told when it is started or changed next. */
async function tellMembers(run: Run, call: StepCall, network: string, inputs: NetworkInputs): Promise<void> {
  const known = run.keeper.resource(`network.${network}`)?.inputs.members;
  if (known === undefined || inputs.members.length === 0) return;
  // Those that leave are no business of this step: their own changes may be running just now.
  const staying = new Set(inputs.members.map(({ name }) => name));
  const replaced = new Set(
    run.plan.changes.flatMap(({ action, address }) => (action === "replace" ? [address] : [])),
  );
  const members = run.keeper
    .resources()
    .filter(
      (record) =>
        isIn(record, network) &&
        staying.has(record.name) &&
        !replaced.has(record.address) &&
        record.replacement === undefined,
    );
  const found = await run.providers.vm.read(members.map((record) => record.instance ?? ""));
  const running = members.filter(
    (record) =>
      (record.phase === "ready" || record.phase === "complete") &&
      found.get(record.instance ?? "")?.state === "running",
  );
  let told = 0;
  const queue = [...running];
  const work = async (): Promise<void> => {
    for (let record = queue.shift(); record !== undefined; record = queue.shift()) {
      call.context.progress("telling members the names", {
        unit: "steps",
        done: told,
        total: running.length,
      });
      await tell(run, call, record);
      told++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, running.length) }, work));
}

async function tell(run: Run, call: StepCall, record: ResourceState): Promise<void> {
  try {
    await run.providers.vm.tellHosts(run.knownSpec(record), call.context);
  } catch (error) {
    if (call.context.signal.aborted) throw error;
    const why = isDiagnosticsError(error)
      ? error.diagnostics.map(({ summary }) => summary).join("; ")
      : errorText(error);
    run.workspace.events({
      type: "diagnostic",
      diagnostic: {
        ...problem({
          code: "apply/names-not-told",
          address: record.address,
          summary: `${record.address} does not know the new names in its networks: ${why}`,
          hint: `It is told at its next start: \`vmlab restart ${record.name}\`.`,
        }),
        severity: "warning",
      },
    });
  }
}

function isIn(record: ResourceState, network: string): boolean {
  const list = record.type === "vm" ? record.inputs.networks : undefined;
  return Array.isArray(list) && list.some((entry: Json) => isJsonObject(entry) && entry.name === network);
}
