import { join } from "node:path";
import type { Command } from "commander";
import { removeTable } from "../../engine/config/edit.ts";
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import { isJsonObject } from "../../engine/json.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../engine/plan/options.ts";
import type { State } from "../../engine/state/types.ts";
import { applyEdited } from "../apply-edited.ts";
import { hasErrors } from "../apply-run.ts";
import { requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { type Doomed, doomedVms, refusals } from "../deletion.ts";
import type { FileEdit } from "../edited-files.ts";
import { expandRecorded } from "../expand-recorded.ts";
import { addVariableOptions, duration } from "../plan-arguments.ts";
import { stopForDeletion } from "../stop-for-deletion.ts";
import { type GivenVariables, openLab, openMachines } from "../workspace.ts";

interface DeleteOptions extends GivenVariables {
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
  readonly lockTimeout: number;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "delete", {
    summary: "Remove VMs from lab.toml and delete them",
    description:
      "Takes [vms.NAME] out of the file that declares it (comments of others stay), shows the plan, asks, and applies. A " +
      "running VM is stopped only after a question or with --force. Refused: VMs that others depend on, VMs with " +
      "lifecycle.prevent_destroy, and members that count, for_each or an environment make. Disks go to the trash.",
    examples: [
      { command: "vmlab delete web", text: "asks before it stops and deletes" },
      { command: "vmlab delete 'test-*' --force --yes", text: "several, running or not, without a question" },
      { command: "vmlab trash restore web", text: "when it was a mistake" },
    ],
    related: ["trash", "destroy", "create"],
  });
  command
    .argument("<vms...>", "names or globs (quote them)")
    .option("-f, --force", "also when they run")
    .option("-y, --yes", "do not ask")
    .option("--auto-approve", "the same as --yes")
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print events as JSON, one a line (needs --yes)");
  return addVariableOptions(command).action(async (names: string[], options: DeleteOptions) => {
    context.exitCode = await deleteVms(context, names, options);
  });
}

async function deleteVms(
  context: CommandContext,
  names: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  requireYesForJson(options);
  const lab = await openLab(context, options);
  const { state, providers } = await openMachines(context);
  const expansion = expandRecorded(lab, state);
  if (hasErrors(expansion.diagnostics)) throw new DiagnosticsError(expansion.diagnostics);
  const doomed = doomedVms(names, expansion, state);
  const problems = refusals(doomed, lab, expansion, state);
  if (problems.length > 0) throw new DiagnosticsError(problems);
  const { force = false, json = false } = options;
  if (!(await stopForDeletion(context, providers.vm, doomed, { force, json }))) return 1;
  const made = doomed.filter(({ record }) => record !== undefined);
  const list = doomed.map(({ name }) => name).join(", ");
  return await applyEdited(context, {
    edits: await editsFor(context, doomed),
    given: options,
    plan:
      made.length === 0
        ? undefined
        : {
            ...DEFAULT_PLAN_OPTIONS,
            targets: [...made.map(({ address }) => address), ...networksOf(made, state)],
          },
    command: "delete",
    question: `Delete ${list}?`,
    yes: options.yes === true || options.autoApprove === true,
    lockTimeoutMs: options.lockTimeout,
    details: false,
    json: options.json === true,
    afterFailure: `${list} ${doomed.length === 1 ? "is" : "are"} not declared any more. "vmlab apply" goes on deleting.`,
  });
}

/** Those whose other members are to forget the names of the deleted. */
function networksOf(made: readonly Doomed[], state: State | undefined): string[] {
  const names = made.flatMap(({ record }) => record?.inputs.networks ?? []);
  const addresses = names.map((one) => `network.${isJsonObject(one) ? one.name : ""}`);
  return [...new Set(addresses)].filter((address) => state?.resources[address] !== undefined);
}

/** One edit a file, all its tables taken out. */
async function editsFor(context: CommandContext, doomed: readonly Doomed[]): Promise<FileEdit[]> {
  const byFile = new Map<string, (readonly string[])[]>();
  for (const { resource } of doomed) {
    if (resource === undefined) continue;
    const { file, path } = resource.origin;
    byFile.set(file, [...(byFile.get(file) ?? []), path.map(String)]);
  }
  const edits: FileEdit[] = [];
  for (const [file, paths] of byFile) {
    const path = join(context.folder, file);
    const before = await context.effects.files.readText(path);
    let after = before;
    for (const table of paths) after = await removeTable(after, table);
    edits.push({ path, before, after });
  }
  return edits;
}
