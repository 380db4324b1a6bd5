import type { Command } from "commander";
import { type Diagnostic, errorText, isDiagnosticsError, problem } from "../../engine/diagnostics.ts";
import type { Event, OperationLabel } from "../../engine/events.ts";
import { awaitReady } from "../../engine/operate/await-ready.ts";
import { operationContext } from "../../engine/operation-context.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { requireRunning } from "../machine-access.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "../machine-selection.ts";
import { addVariableOptions, duration } from "../plan-arguments.ts";
import { runReporter } from "../run-reporter.ts";
import { type GivenVariables, openWorkspace, sensitiveVariables } from "../workspace.ts";

interface WaitOptions extends SelectionArguments, GivenVariables {
  readonly timeout?: number;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "wait", {
    summary: "Wait until VMs are ready",
    description:
      "Ready means: SSH answers, a login works, cloud-init is done and ready.command succeeds. Without --timeout the " +
      "VM's own timeouts hold. Exits with 1 if a VM does not get ready.",
    examples: [
      { command: "vmlab wait web", text: "one VM" },
      { command: "vmlab wait --all --timeout 5m", text: "all, at most five minutes" },
    ],
    exitCodes: [
      ["0", "all of them are ready"],
      ["1", "one is not, or an error"],
    ],
    related: ["start", "exec"],
  });
  return addVariableOptions(addSelectionOptions(command))
    .option("--timeout <duration>", "give up after this long", duration)
    .option("--json", "print events as JSON, one a line")
    .action(async (names: string[], options: WaitOptions) => {
      context.exitCode = await wait(context, names, options);
    });
}

async function wait(
  context: CommandContext,
  names: readonly string[],
  options: WaitOptions,
): Promise<number> {
  const { clock } = context.effects;
  const reporter = runReporter(context, { json: options.json === true });
  const workspace = await openWorkspace(context, options, reporter.events);
  const state = await workspace.store.read();
  const vms = chosenVms(state, names, options);
  reporter.widen(vms.map(({ address }) => address));
  const interrupts = listenForInterrupts(context.terminal, () => {});
  const over = new AbortController();
  const done = new AbortController();
  if (options.timeout !== undefined) {
    void clock.sleep(options.timeout, done.signal).then(
      () => over.abort(),
      () => undefined,
    );
  }
  const signal = AbortSignal.any([interrupts.graceful, over.signal]);
  await reporter.open();
  try {
    const results = await Promise.all(
      vms.map(async (vm) => {
        const label: OperationLabel = {
          id: `${vm.address}:ready`,
          address: vm.address,
          step: "ready",
          action: "start",
        };
        const begun = clock.now();
        const emit = (event: Event): void => reporter.events(event);
        emit({ type: "operation-started", operation: label });
        try {
          await requireRunning(workspace.providers.vm, vm);
          if (state === undefined) throw new Error("VMs are chosen from a state");
          const call = { ...operationContext(emit, label, signal), output: () => {} };
          await awaitReady(workspace, state, vm, sensitiveVariables(workspace.lab), call);
          emit({ type: "operation-finished", operation: label, durationMs: clock.now() - begun });
          return true;
        } catch (error) {
          const diagnostics = why(error, vm, { timedOut: over.signal.aborted, timeout: options.timeout });
          emit({ type: "operation-failed", operation: label, durationMs: clock.now() - begun, diagnostics });
          return false;
        }
      }),
    );
    return results.every((ready) => ready) ? 0 : 1;
  } finally {
    done.abort();
    reporter.close();
    interrupts.release();
  }
}

function why(
  error: unknown,
  vm: ResourceState,
  deadline: { readonly timedOut: boolean; readonly timeout: number | undefined },
): readonly Diagnostic[] {
  if (isDiagnosticsError(error)) return error.diagnostics;
  if (deadline.timedOut) {
    return [
      problem({
        code: "vm/not-ready",
        summary: `${vm.address} did not get ready in time (--timeout)`,
        hint: `"vmlab logs ${vm.name}" shows its console.`,
        address: vm.address,
      }),
    ];
  }
  return [
    problem({ code: "vm/not-ready", summary: `${vm.address}: ${errorText(error)}`, address: vm.address }),
  ];
}
