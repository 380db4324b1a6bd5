import type { Command } from "commander";
import { nameHint } from "../../engine/config/nearest-name.ts";
import type { Expansion, Lab, VmInputs } from "../../engine/config/types.ts";
import { DiagnosticsError, fail } from "../../engine/diagnostics.ts";
import { isJsonObject, type JsonObject } from "../../engine/json.ts";
import { hasErrors } from "../apply-run.ts";
import { cloneSettings } from "../clone-settings.ts";
import { requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandRecorded } from "../expand-recorded.ts";
import { addNewVmOptions, givenSettings, makeNewVms, type NewVmOptions } from "../new-vms.ts";
import { takenNames } from "../vm-names.ts";
import { openLab, openStore } from "../workspace.ts";

interface CloneOptions extends NewVmOptions {
  readonly fromSnapshot?: string;
  readonly full?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "clone", {
    summary: "Add a copy of a VM to lab.toml and make it",
    description:
      "The new VM begins with what the disk of the other holds now; from then on they share nothing that either changes. " +
      "It has its own name, addresses, host keys and machine-id. The source may run: its file systems stand still for a " +
      "moment. Nothing is copied unless --full or a snapshot asks for it. A clone is in the networks of its source and " +
      "forwards the same ports from other ports of the host; volumes, shared folders and provisioning steps stay with the " +
      "source. The name of a template makes a new VM with its settings.",
    examples: [
      { command: "vmlab clone web web-test", text: "a copy of web, in a moment" },
      { command: "vmlab clone web web-1 web-2 web-3 --yes", text: "three, without a question" },
      { command: "vmlab clone db db-old --from-snapshot before-upgrade", text: "as it was then" },
      { command: "vmlab clone db db-big --full --memory 8GiB", text: "sharing nothing, with more memory" },
      { command: "vmlab clone small box", text: "a new VM from a template" },
    ],
    related: ["create", "snapshot", "export", "delete"],
  });
  command
    .argument("<source>", "a VM, or a template of lab.toml")
    .argument("<new...>", "names of the new VMs")
    .option("--from-snapshot <name>", "the disk as it was in this snapshot of the VM")
    .option("--full", "copy what the VM has written, instead of sharing it");
  return addNewVmOptions(command, {
    disk: "size of the disk, at least that of the source",
    port: "forward a port, in place of those of the source (repeatable)",
  }).action(async (source: string, names: readonly string[], options: CloneOptions) => {
    context.exitCode = await clone(context, source, names, options);
  });
}

async function clone(
  context: CommandContext,
  source: string,
  names: readonly string[],
  options: CloneOptions,
): Promise<number> {
  requireYesForJson(options);
  const lab = await openLab(context, options);
  const state = await (await openStore(context)).read();
  const expansion = expandRecorded(lab, state);
  if (hasErrors(expansion.diagnostics)) throw new DiagnosticsError(expansion.diagnostics);
  return await makeNewVms(context, {
    command: "clone",
    names,
    taken: takenNames(lab, expansion, state),
    settings: settingsFrom(lab, expansion, source.replace(/^vm\./, ""), options),
    options,
  });
}

function settingsFrom(lab: Lab, expansion: Expansion, source: string, options: CloneOptions): JsonObject {
  const { fromSnapshot, full } = options;
  const own = givenSettings(options);
  const vms = expansion.resources.filter(({ type }) => type === "vm");
  const vm = vms.find(({ name }) => name === source);
  if (vm !== undefined) {
    const plain = fromSnapshot === undefined && full !== true;
    return {
      clone: plain
        ? source
        : {
            vm: source,
            ...(fromSnapshot === undefined ? {} : { snapshot: fromSnapshot }),
            ...(full === true ? { full } : {}),
          },
      ...cloneSettings(vm.inputs as VmInputs),
      ...own,
    };
  }
  const { templates } = lab.document;
  const known = isJsonObject(templates) ? Object.keys(templates) : [];
  if (!known.includes(source)) {
    const hint = nameHint(source, [...vms.map(({ name }) => name), ...known], "VMs and templates", "The lab");
    fail({
      code: "config/unknown-reference",
      summary: `lab.toml declares no VM and no template "${source}"`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (fromSnapshot === undefined && full !== true) return { template: source, ...own };
  return fail({
    code: "cli/usage",
    summary: `"${source}" is a template, which has no disk: --from-snapshot and --full are for clones of VMs`,
    hint: "Leave them out.",
  });
}
