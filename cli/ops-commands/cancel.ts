/** `vmlab ops cancel ID`: what Ctrl-C does in the terminal of the operation, from any other. */
import { fail } from "../../engine/diagnostics.ts";
import { isAlive } from "../../engine/host/operations/process-mark.ts";
import { isUnderWay, type OperationRecord } from "../../engine/host/operations/record.ts";
import { findOperation, readOperation } from "../../engine/host/operations/store.ts";
import type { CommandContext } from "../context.ts";
import { viewOf } from "./operation-view.ts";

/** How long an operation may take to notice that it was asked. */
const NOTICE_DEADLINE_MS = 10_000;
const LOOK_MS = 50;

export async function cancelCommand(
  context: CommandContext,
  given: string,
  options: { readonly force?: boolean },
): Promise<number> {
  const { effects, home, terminal } = context;
  const found = await findOperation(effects, home, given);
  const { record } = await viewOf(context, found);
  if (!isUnderWay(record)) {
    return fail({
      code: "ops/not-running",
      summary: `${record.id} does not run: ${record.state}`,
      hint: `"vmlab ops show ${record.id}" tells what came of it.`,
    });
  }
  const { id } = record;
  if (stoppingOf(record) === undefined) await interrupt(context, record, "gracefully");
  else if (options.force !== true) {
    terminal.out.write(`${id} is stopping already: what runs is finished or rolled back.\n`);
    return 0;
  }
  if (options.force !== true) {
    terminal.out.write(
      `${id} stops: what runs is finished or rolled back. "vmlab ops logs ${id} -f" shows it, --force stops it at once.\n`,
    );
    return 0;
  }
  const now = (await readOperation(effects, home, id)) ?? record;
  if (isUnderWay(now) && stoppingOf(now) !== "at once") await interrupt(context, now, "at once");
  terminal.out.write(
    `${id} stops at once. The next command on the lab finishes or undoes what was under way.\n`,
  );
  return 0;
}

/** Sends SIGINT and waits until the operation has taken note of it, so that a second one is a second one. */
async function interrupt(
  context: CommandContext,
  record: OperationRecord,
  how: "gracefully" | "at once",
): Promise<void> {
  const { effects, home } = context;
  const { process, id } = record;
  if ((await isAlive(effects, process)) === undefined) {
    fail({
      code: "ops/other-host",
      summary: `${id} runs on ${process.hostName}`,
      hint: "Cancel it there.",
    });
  }
  await effects.processes.signal(process.pid, "SIGINT");
  const deadline = effects.clock.now() + NOTICE_DEADLINE_MS;
  for (;;) {
    const now = await readOperation(effects, home, id);
    if (now === undefined || !isUnderWay(now)) return;
    const stopping = stoppingOf(now);
    if (stopping === how || stopping === "at once") return;
    if ((await isAlive(effects, process)) === false) return;
    if (effects.clock.now() > deadline) {
      return fail({
        code: "ops/not-listening",
        summary: `${id} was asked to stop and did not react within ${NOTICE_DEADLINE_MS / 1000} s`,
        detail: `Its process is pid ${process.pid}.`,
        hint: `Look again in a while: "vmlab ops show ${id}".`,
      });
    }
    await effects.clock.sleep(LOOK_MS);
  }
}

function stoppingOf(record: OperationRecord): "gracefully" | "at once" | undefined {
  return record.state === "running" ? record.stopping : undefined;
}
