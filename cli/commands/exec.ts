import type { Command } from "commander";
import { errorText, fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { ExecResult, VmProvider } from "../../providers/provider.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { requireRunning } from "../machine-access.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "../machine-selection.ts";
import { duration } from "../plan-arguments.ts";
import { pad } from "../render/text-width.ts";
import { openMachines } from "../workspace.ts";

interface ExecOptions extends SelectionArguments {
  readonly root?: boolean;
  readonly stdin?: boolean;
  readonly timeout?: number;
  readonly json?: boolean;
}

/** What came of the command in one VM. */
interface Outcome {
  readonly vm: string;
  /** Null when it never ran or was ended. */
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly error?: string;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "exec", {
    summary: "Run a command in VMs",
    description:
      "Hands what stands behind -- to the guest's shell. With one VM its output and exit code are vmlab's own. With " +
      "several it runs in all at once, each line marked with its VM, and the exit code is 1 if any failed.",
    examples: [
      { command: "vmlab exec web -- hostname", text: "in one VM" },
      { command: "vmlab exec --all -- uptime", text: "in all" },
      { command: "vmlab exec 'k8s-*' --root -- systemctl restart kubelet", text: "as root" },
      { command: "vmlab exec web --stdin -- 'cat > motd' < motd", text: "with standard input" },
      { command: "vmlab exec db -- 'psql -c \"select 1\" | head -1'", text: "with a pipe in the guest" },
    ],
  });
  return addSelectionOptions(command)
    .option("--root", "run as root")
    .option("-i, --stdin", "pass standard input on (one VM)")
    .option("--timeout <duration>", "end the command after this long", duration)
    .option("--json", "print the results as JSON")
    .action(async (names: string[], options: ExecOptions) => {
      context.exitCode = await exec(context, names, options);
    });
}

async function exec(
  context: CommandContext,
  names: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const { guestCommand, terminal } = context;
  if (guestCommand === undefined || guestCommand.length === 0) {
    fail({
      code: "cli/usage",
      summary: "no command is given",
      hint: `Put it behind --: "vmlab exec ${names[0] ?? "web"} -- uptime".`,
    });
  }
  const { state, providers } = await openMachines(context);
  const vms = chosenVms(state, names, options);
  const command = guestCommand.join(" ");
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    const [only] = vms;
    if (vms.length === 1 && only !== undefined && options.json !== true) {
      return await execInOne(context, providers.vm, only, command, options, interrupts.graceful);
    }
    const width = Math.max(...vms.map(({ name }) => name.length));
    const paint = colours(terminal.out);
    const outcomes = await Promise.all(
      vms.map((vm) => {
        const prefix = paint.hint(`${pad(vm.name, width)} |`);
        const show =
          options.json === true ? () => {} : (line: string) => terminal.out.write(`${prefix} ${line}\n`);
        return execInSeveral(providers.vm, vm, command, options, show, interrupts.graceful);
      }),
    );
    if (options.json === true) terminal.out.write(`${JSON.stringify(outcomes, null, 2)}\n`);
    else summary(context, outcomes);
    return outcomes.every(({ exit_code }) => exit_code === 0) ? 0 : 1;
  } finally {
    interrupts.release();
  }
}

async function execInOne(
  context: CommandContext,
  provider: VmProvider,
  vm: ResourceState,
  command: string,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  const id = await requireRunning(provider, vm);
  const { out, error } = context.terminal;
  const input = options.stdin === true ? await context.terminal.readInput() : undefined;
  // A person sees lines as they come; a pipe gets the two streams apart and byte for byte.
  const streaming = out.isTTY && error.isTTY;
  const call = {
    signal,
    progress: () => {},
    output: (line: string) => (streaming ? out.write(`${line}\n`) : undefined),
  };
  const result = await provider.exec(
    id,
    command,
    { ...execOptions(options), ...(input === undefined ? {} : { input }) },
    call,
  );
  if (!streaming) {
    out.write(result.stdout);
    error.write(result.stderr);
  }
  if (result.code === null) error.write("The command was ended before it finished.\n");
  return result.code ?? 1;
}

async function execInSeveral(
  provider: VmProvider,
  vm: ResourceState,
  command: string,
  options: ExecOptions,
  show: (line: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const id = await requireRunning(provider, vm);
    const result: ExecResult = await provider.exec(id, command, execOptions(options), {
      signal,
      progress: () => {},
      output: show,
    });
    return { vm: vm.name, exit_code: result.code, stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    const text = isDiagnosticsError(error) ? (error.diagnostics[0]?.summary ?? "failed") : errorText(error);
    return { vm: vm.name, exit_code: null, stdout: "", stderr: "", error: text };
  }
}

function execOptions(options: ExecOptions): { asRoot?: boolean; timeoutMs?: number } {
  return {
    ...(options.root === true ? { asRoot: true } : {}),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  };
}

function summary(context: CommandContext, outcomes: readonly Outcome[]): void {
  const { error } = context.terminal;
  const failed = outcomes.filter(({ exit_code }) => exit_code !== 0);
  for (const { vm, exit_code, error: why } of failed) {
    error.write(
      `${vm}: ${why ?? (exit_code === null ? "ended before it finished" : `exit code ${exit_code}`)}\n`,
    );
  }
  error.write(
    failed.length === 0
      ? `All ${outcomes.length} succeeded.\n`
      : `${failed.length} of ${outcomes.length} failed.\n`,
  );
}
