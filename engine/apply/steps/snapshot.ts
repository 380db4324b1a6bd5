/** snapshot: of the running machine, before something is done to it that cannot be taken back. */
import { automaticName, removeSuperfluous } from "../../automatic-snapshot.ts";
import { rememberedOf } from "../../state/remembered.ts";
import type { Run, StepCall } from "../run.ts";
import { recordOf } from "./vm-target.ts";

/** A failure stops what comes after it: nobody wanted that without a way back. */
export async function snapshot(run: Run, { operation, context }: StepCall): Promise<void> {
  const record = recordOf(run, operation.address);
  if (record.instance === undefined) return;
  const { snapshots } = run.providers.vm;
  const now = run.workspace.effects.clock.now();
  const name = await automaticName(snapshots, [record], now);
  const description = `before ${operation.action}`;
  const spec = run.knownSpec(record);
  await snapshots.take([{ spec, name, description, record: rememberedOf(record), context }]);
  context.output(`snapshot ${name} taken`);
  await removeSuperfluous(snapshots, record, context);
}
