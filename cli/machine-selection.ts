/** Options that choose VMs, for every command that works on several. */
import { type Command, Option } from "commander";
import { DiagnosticsError } from "../engine/diagnostics.ts";
import { selectVms, vmsOf } from "../engine/operate/select.ts";
import type { ResourceState, State } from "../engine/state/types.ts";
import { repeated, several } from "./define-command.ts";
import { OPTION_GROUPS } from "./help-page.ts";

export interface SelectionArguments {
  readonly env?: readonly string[];
  readonly role?: readonly string[];
  readonly label?: readonly string[];
  readonly all?: boolean;
}

export function addSelectionOptions(command: Command): Command {
  return command
    .argument("[vms...]", "names or globs such as k8s-* (quote them)")
    .addOption(grouped("--env <name>", "the VMs of this environment (repeatable)").argParser(several))
    .addOption(grouped("--role <name>", "the VMs with this role (repeatable)").argParser(several))
    .addOption(
      grouped("--label <key=value>", "the VMs with this label (repeatable: all of them)").argParser(repeated),
    )
    .addOption(grouped("--all", "all VMs of the lab"));
}

function grouped(flags: string, description: string): Option {
  return new Option(flags, description).helpGroup(OPTION_GROUPS.selection);
}

/** The chosen VMs; a choice that finds nothing is thrown as diagnostics. */
export function chosenVms(
  state: State | undefined,
  names: readonly string[],
  options: SelectionArguments,
): readonly ResourceState[] {
  const selection = selectVms(state, {
    names,
    environments: options.env ?? [],
    roles: options.role ?? [],
    labels: options.label ?? [],
    all: options.all === true,
  });
  if (!selection.ok) throw new DiagnosticsError(selection.diagnostics);
  return selection.vms;
}

/** As {@link chosenVms}; without a choice, all VMs there are, which may be none. */
export function chosenOrAllVms(
  state: State | undefined,
  names: readonly string[],
  options: SelectionArguments,
): readonly ResourceState[] {
  const { env = [], role = [], label = [] } = options;
  const choosing = names.length + env.length + role.length + label.length > 0;
  return choosing ? chosenVms(state, names, options) : vmsOf(state);
}

/** The one VM that a command works on. */
export function chosenVm(state: State | undefined, name: string): ResourceState {
  const [vm, ...others] = chosenVms(state, [name], {});
  if (vm === undefined || others.length > 0) {
    throw new DiagnosticsError([
      {
        code: "select/several-vms",
        severity: "error",
        summary: `"${name}" matches ${others.length + 1} VMs, and this command works on one`,
        hint: "Name one of them.",
      },
    ]);
  }
  return vm;
}
