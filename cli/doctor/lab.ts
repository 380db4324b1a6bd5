/** Doctor's look at the lab here: lab.toml, lock, state, interrupted work, machines. */
import { join } from "node:path";
import { type Diagnostic, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { State } from "../../engine/state/types.ts";
import { formatDuration } from "../../engine/units.ts";
import type { CommandContext } from "../context.ts";
import { type ListedVm, listVms } from "../vm-listing.ts";
import { LAB_FILE, openLab, openProviders, openStore, qemuMachinesOf, stateFolder } from "../workspace.ts";
import { type Finding, ok, trouble } from "./finding.ts";

/** Empty outside of a lab. */
export async function examineLab(context: CommandContext): Promise<Finding[]> {
  const { files } = context.effects;
  const declared = (await files.stat(join(context.folder, LAB_FILE))) !== undefined;
  const recorded = (await files.stat(stateFolder(context))) !== undefined;
  if (!declared && !recorded) return [];
  return [
    ...(await declarationFindings(context, declared)),
    ...(recorded ? await lockFindings(context) : []),
    ...(recorded ? await stateFindings(context) : []),
  ];
}

async function declarationFindings(context: CommandContext, declared: boolean): Promise<Finding[]> {
  if (!declared) {
    return [
      trouble("error", "lab/file", `there is a state here and no ${LAB_FILE}`, {
        remedy: `Bring ${LAB_FILE} back (git), or go to the lab's folder.`,
      }),
    ];
  }
  try {
    const lab = await openLab(context, {});
    return [ok("lab/file", `${LAB_FILE} is valid (lab ${lab.name})`)];
  } catch (error) {
    return diagnosticsOf(error).map((diagnostic) =>
      trouble("error", "lab/file", `${LAB_FILE}: ${diagnostic.summary}`, {
        detail: placeOf(diagnostic),
        remedy: diagnostic.hint ?? `"vmlab validate" shows the line.`,
      }),
    );
  }
}

async function lockFindings(context: CommandContext): Promise<Finding[]> {
  const store = await openStore(context, { anyPlace: true });
  try {
    const found = await store.lockHolder();
    if (found === undefined) return [ok("lab/lock", "the state is not locked")];
    const { holder, alive } = found;
    const since = formatDuration(Math.max(0, context.effects.clock.now() - holder.since));
    const who = `"vmlab ${holder.command}" of ${holder.user} on ${holder.hostName}, process ${holder.pid}, for ${since}`;
    if (alive === true) return [ok("lab/lock", `locked by ${who}`)];
    if (alive === false) {
      return [
        trouble("warning", "lab/lock", "a lock was left by a process that is gone", {
          detail: who,
          remedy: "Nothing: the next command that changes the lab takes it over.",
        }),
      ];
    }
    return [
      trouble("warning", "lab/lock", "the state is locked from another host", {
        detail: who,
        remedy: `If nothing runs there any more: "vmlab state unlock".`,
      }),
    ];
  } catch (error) {
    return diagnosticsOf(error).map((diagnostic) => fromDiagnostic("lab/lock", diagnostic));
  }
}

async function stateFindings(context: CommandContext): Promise<Finding[]> {
  let state: State | undefined;
  try {
    state = await (await openStore(context)).read();
  } catch (error) {
    return diagnosticsOf(error).map((diagnostic) => fromDiagnostic("lab/state", diagnostic));
  }
  if (state === undefined) return [ok("lab/state", "no state yet")];
  const count = Object.keys(state.resources).length;
  const findings = [
    ok("lab/state", `state #${state.serial} is whole, ${count} ${count === 1 ? "resource" : "resources"}`),
  ];
  for (const intent of Object.values(state.intents)) {
    findings.push(
      trouble("warning", "lab/intent", `${intent.address}: "${intent.step}" was interrupted`, {
        remedy: "Nothing by hand: the next apply finishes or undoes it.",
      }),
    );
  }
  return [...findings, ...(await machineFindings(context, state))];
}

async function machineFindings(context: CommandContext, state: State): Promise<Finding[]> {
  const fake = Object.values(state.resources).some(({ provider }) => provider === "fake");
  const { vm: provider } = await openProviders(context, fake ? "fake" : "qemu");
  const vms = await listVms(state, provider);
  return [...vms.flatMap(machineFinding), ...(fake ? [] : await unknownMachineFindings(context, state))];
}

/** Machines of this lab that the state does not name are left behind by every command. */
async function unknownMachineFindings(context: CommandContext, state: State): Promise<Finding[]> {
  const known = new Set([
    ...Object.values(state.resources).flatMap((record) => [record.instance, record.replacement?.instance]),
    ...Object.values(state.intents).flatMap(({ instance, previous }) => [instance, previous]),
  ]);
  return (await qemuMachinesOf(context, state.lineage))
    .filter(({ id }) => !known.has(id))
    .map(({ id, name, running, folder }) =>
      trouble(
        "warning",
        "lab/unknown-vm",
        `the state does not know the machine ${id} ("${name}") of this lab, which ${running ? "is running" : "is off"}`,
        {
          detail: `It lies in ${folder}.`,
          remedy: `"vmlab import vm.NAME ${id}" takes it back in. "vmlab state history" lists older states; one that knew it comes back with "vmlab state restore".`,
        },
      ),
    );
}

function machineFinding(vm: ListedVm): Finding[] {
  const detail = vm.note;
  switch (vm.state) {
    case "running":
    case "stopped":
    case "paused":
    case "suspended":
      return [];
    case "crashed":
      return [
        trouble("warning", "lab/vm", `${vm.address} ended without a shutdown`, {
          detail,
          remedy: `"vmlab start ${vm.name}" or "vmlab apply" starts it.`,
        }),
      ];
    case "missing":
      return [
        trouble("error", "lab/vm", `${vm.address} is gone`, {
          detail,
          remedy: `"vmlab apply" makes it anew.`,
        }),
      ];
    case "incomplete":
      return [
        trouble("warning", "lab/vm", `${vm.address} is half made`, { remedy: `"vmlab apply" finishes it.` }),
      ];
    case "broken":
      return [
        trouble("error", "lab/vm", `${vm.address} cannot be used`, {
          detail,
          remedy: `"vmlab apply --replace ${vm.address}" makes a new one; the old disk goes to the trash.`,
        }),
      ];
  }
}

function diagnosticsOf(error: unknown): readonly Diagnostic[] {
  if (isDiagnosticsError(error)) return error.diagnostics;
  throw error;
}

function fromDiagnostic(check: string, diagnostic: Diagnostic): Finding {
  return trouble(diagnostic.severity, check, diagnostic.summary, {
    detail: diagnostic.detail,
    remedy:
      diagnostic.hint ?? `"vmlab state history" lists older states, "vmlab state restore" goes back to one.`,
  });
}

function placeOf({ range }: Diagnostic): string | undefined {
  return range === undefined ? undefined : `at ${range.file}:${range.start.line}:${range.start.column}`;
}
