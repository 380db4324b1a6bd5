/** New VMs in lab.toml: what create and clone share. */
import { join } from "node:path";
import type { Command } from "commander";
import { addTable } from "../engine/config/edit.ts";
import type { JsonObject } from "../engine/json.ts";
import { DEFAULT_PLAN_OPTIONS } from "../engine/plan/options.ts";
import { applyEdited } from "./apply-edited.ts";
import type { CommandContext } from "./context.ts";
import { repeated } from "./define-command.ts";
import { addVariableOptions, duration, positiveInteger } from "./plan-arguments.ts";
import { requireFreeName, type Taken } from "./vm-names.ts";
import { type GivenVariables, LAB_FILE } from "./workspace.ts";

export interface NewVmOptions extends GivenVariables {
  readonly cpus?: number;
  readonly memory?: string;
  readonly disk?: string;
  readonly port?: readonly string[];
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
  readonly lockTimeout: number;
  readonly details?: boolean;
  readonly json?: boolean;
}

/** `texts`: what a command says of an option in its own way. */
export function addNewVmOptions(
  command: Command,
  texts: { readonly disk: string; readonly port: string },
): Command {
  command
    .option("--cpus <n>", "vCPUs", positiveInteger)
    .option("--memory <size>", "memory, such as 2GiB")
    .option("--disk <size>", texts.disk)
    .option("--port <[host:]guest>", texts.port, repeated)
    .option("-y, --yes", "do not ask")
    .option("--auto-approve", "the same as --yes")
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--details", "list the attributes of the plan")
    .option("--json", "print events as JSON, one a line (needs --yes)");
  return addVariableOptions(command);
}

/** As lab.toml has them. */
export function givenSettings({ cpus, memory, disk, port }: NewVmOptions): JsonObject {
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memory }),
    ...(disk === undefined ? {} : { disk }),
    ...(port === undefined ? {} : { ports: port }),
  };
}

/** A table of lab.toml: its path, and what is in it. */
export interface NewTable {
  readonly path: readonly string[];
  readonly settings: JsonObject;
}

/** Writes a table for each name, and what these VMs need beside them, and makes the VMs, after a question. */
export async function makeNewVms(
  context: CommandContext,
  request: {
    readonly command: string;
    readonly names: readonly string[];
    readonly taken: Taken;
    readonly settings: JsonObject;
    /** Written before the VMs. */
    readonly beside?: readonly NewTable[];
    readonly options: NewVmOptions;
  },
): Promise<number> {
  const { command, names, taken, settings, beside = [], options } = request;
  const path = join(context.folder, LAB_FILE);
  const before = await context.effects.files.readText(path);
  for (const name of names) requireFreeName(name, taken);
  const tables = [...beside, ...names.map((name) => ({ path: ["vms", name], settings }))];
  let after = before;
  for (const table of tables) after = await addTable(after, table.path, table.settings);
  const addresses = names.map((name) => `vm.${name}`);
  const them = names.length === 1 ? "it" : "them";
  return await applyEdited(context, {
    edits: [{ path, before, after }],
    given: options,
    plan: { ...DEFAULT_PLAN_OPTIONS, targets: addresses },
    command,
    question: `Write ${tables.map(({ path }) => `[${path.join(".")}]`).join(", ")} to ${LAB_FILE} and make ${them}?`,
    yes: options.yes === true || options.autoApprove === true,
    lockTimeoutMs: options.lockTimeout,
    details: options.details === true,
    json: options.json === true,
    afterFailure: `${LAB_FILE} declares ${addresses.join(", ")} now. "vmlab apply" goes on; "vmlab delete ${names.join(" ")}" takes ${them} back.`,
  });
}
