/** Running VMs are not deleted by accident. */
import { DiagnosticsError, problem } from "../engine/diagnostics.ts";
import type { VmProvider } from "../providers/provider.ts";
import type { CommandContext } from "./context.ts";
import type { Doomed } from "./deletion.ts";

/** True when none runs, when `force` says so, or when the user agrees to stop them. The plan does the stopping. */
export async function stopForDeletion(
  context: CommandContext,
  provider: VmProvider,
  doomed: readonly Doomed[],
  { force, json }: { readonly force: boolean; readonly json: boolean },
): Promise<boolean> {
  const ids = doomed.flatMap(({ record }) => record?.instance ?? []);
  if (force || ids.length === 0) return true;
  const found = await provider.read(ids);
  const running = doomed.filter(({ record }) => found.get(record?.instance ?? "")?.state === "running");
  if (running.length === 0) return true;
  const { terminal } = context;
  if (!terminal.interactive || json) {
    throw new DiagnosticsError(
      running.map(({ name, address }) =>
        problem({
          code: "vm/running",
          summary: `${address} is running`,
          hint: `Stop it first ("vmlab stop ${name}"), or delete it with --force.`,
          address,
        }),
      ),
    );
  }
  const names = running.map(({ name }) => name).join(", ");
  const answer = await terminal.ask(
    `${names} ${running.length === 1 ? "is" : "are"} running. Stop and delete? [y/N] `,
  );
  if (answer !== undefined && /^y(es)?$/i.test(answer)) return true;
  terminal.error.write("Nothing was changed.\n");
  return false;
}
