/** After a crash: reads what exists under the ids of pending intents and finishes or undoes each. */

import type { VmObservation } from "../../providers/provider.ts";
import { errorText, isDiagnosticsError, problem } from "../diagnostics.ts";
import type { Intent, JournalEntry, ResourceState } from "../state/types.ts";
import { forceStop, quietCall } from "./quiet-call.ts";
import { settleVolume } from "./recover-volume.ts";
import type { Run } from "./run.ts";
import { toTrash } from "./steps/remove.ts";
import { finishRetiring, rollBack } from "./steps/replacement.ts";
import { withoutOverride } from "./steps/vm-target.ts";

/** Under the lock. Resolves when no intent and no half replacement is left. */
export async function recover(run: Run): Promise<void> {
  const { keeper, providers } = run;
  const intents = keeper.intents();
  const instances = intents.flatMap((intent) => (isOfVolume(intent) ? [] : (intent.instance ?? [])));
  const found = await providers.vm.read(instances);
  for (const intent of intents) {
    await reporting(run, intent.address, async () => {
      const outcome = isOfVolume(intent)
        ? await settleVolume(run, intent)
        : await settle(run, intent, found.get(intent.instance ?? "") ?? { state: "absent" });
      run.workspace.events({ type: "recovered", address: intent.address, intent: intent.step, outcome });
    });
  }
  for (const record of keeper.resources()) {
    if (record.replacement === undefined) continue;
    await reporting(run, record.address, () =>
      rollBack(run, record.address, "the replacement was not finished", false),
    );
  }
}

function isOfVolume({ address }: Intent): boolean {
  return address.startsWith("volume.");
}

/** What cannot be recovered now is told and stays for the next command; it holds up nothing else. */
async function reporting(run: Run, address: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const diagnostics = isDiagnosticsError(error)
      ? error.diagnostics
      : [
          problem({
            code: "apply/not-recovered",
            address,
            summary: `${address} could not be recovered: ${errorText(error)}`,
            hint: "The next command that changes the lab tries again.",
          }),
        ];
    for (const diagnostic of diagnostics) {
      run.workspace.events({
        type: "diagnostic",
        diagnostic: { address, ...diagnostic, severity: "warning" },
      });
    }
  }
}

async function settle(run: Run, intent: Intent, found: VmObservation): Promise<"finished" | "undone"> {
  const { keeper } = run;
  const { operation, address } = intent;
  const record = keeper.resource(address);
  const abandoned: JournalEntry = { kind: "abandoned", operation };
  switch (intent.step) {
    case "create": {
      const whole = found.state === "stopped" || found.state === "running";
      if (whole && intent.previous === undefined && intent.record !== undefined) {
        const attributes = { ...intent.record.attributes, ...found.attributes };
        await keeper.commit({ kind: "done", operation, address, resource: { ...intent.record, attributes } });
        return "finished";
      }
      if (intent.instance !== undefined) await run.providers.vm.remove(intent.instance, {});
      await keeper.commit(abandoned);
      return "undone";
    }
    case "start": {
      if (found.state !== "running" || record === undefined || record.instance !== intent.instance) {
        await keeper.commit(abandoned);
        return "undone";
      }
      // The power is on; what comes after, such as asking for its ports, may not have been done.
      const started = await run.providers.vm.start(run.knownSpec(record), quietCall());
      const attributes = { ...record.attributes, ...started };
      await keeper.commit({
        kind: "done",
        operation,
        address,
        resource: withoutOverride({ ...record, phase: "started", attributes }),
      });
      return "finished";
    }
    case "resume": {
      const goesOn = found.state === "running" && !found.paused;
      if (!goesOn || record === undefined || record.instance !== intent.instance) {
        await keeper.commit(abandoned);
        return "undone";
      }
      const attributes = { ...record.attributes, ...found.attributes };
      await keeper.commit({
        kind: "done",
        operation,
        address,
        resource: withoutOverride({ ...record, attributes }),
      });
      return "finished";
    }
    case "pause":
    case "suspend": {
      const done =
        intent.step === "pause"
          ? found.state === "running" && found.paused
          : found.state === "stopped" && found.suspended === true;
      if (done && record?.instance === intent.instance && intent.record !== undefined) {
        await keeper.commit({ kind: "done", operation, address, resource: intent.record });
        return "finished";
      }
      await keeper.commit(abandoned);
      // It was made to stand still for that; what the user paused before stays so.
      if (found.state === "running" && record !== undefined && record.powerOverride === undefined)
        await run.providers.vm.start(run.knownSpec(record), quietCall());
      return "undone";
    }
    case "stop": {
      const gone = found.state !== "stopped" && found.state !== "running";
      if (
        gone ||
        record?.instance !== intent.instance ||
        intent.record === undefined ||
        intent.instance === undefined
      ) {
        await keeper.commit(abandoned);
        return "undone";
      }
      // The guest was asked to shut down and may be about to: there is no way back from that.
      if (found.state === "running") await finishStop(run, intent.instance, intent.record);
      await keeper.commit({ kind: "done", operation, address, resource: { ...intent.record } });
      return "finished";
    }
    case "delete": {
      if (found.state !== "absent" && intent.instance !== undefined) await forceStop(run, intent.instance);
      if (intent.instance !== undefined && intent.record !== undefined)
        await toTrash(run, intent.record, intent.instance, "deleted");
      await keeper.commit({ kind: "done", operation, address, resource: null });
      return "finished";
    }
    case "retire":
      await finishRetiring(run, intent);
      return "finished";
    default:
      // update and the like are idempotent: the inputs are still the old ones in the record, so they are planned again.
      await keeper.commit(abandoned);
      return "undone";
  }
}

async function finishStop(run: Run, instance: string, record: ResourceState): Promise<void> {
  const timeouts = record.inputs.timeouts as { stopMs?: number } | undefined;
  await run.providers.vm.stop(instance, { timeoutMs: timeouts?.stopMs ?? 60_000 }, quietCall());
}
