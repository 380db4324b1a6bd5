import type { Command } from "commander";
import { errorText, fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import { lineSplitter } from "../../engine/effects-node/split-lines.ts";
import { type GuestRun, runInVm } from "../../engine/operate/run-in-vm.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import { formatDuration } from "../../engine/units.ts";
import type { VmProvider } from "../../providers/provider.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { requireRunning } from "../machine-access.ts";
import { addSelectionOptions, chosenVms, type SelectionArguments } from "../machine-selection.ts";
import { duration } from "../plan-arguments.ts";
import { type Cell, LONGEST_NAME, renderTable } from "../render/table.ts";
import { pad, printable } from "../render/text-width.ts";
import { openMachines } from "../workspace.ts";

interface ExecOptions extends SelectionArguments {
  readonly root?: boolean;
  readonly stdin?: boolean;
  readonly timeout?: number;
  readonly json?: boolean;
}

/** What came of the command in one VM; field names are those of --json. */
interface Outcome {
  readonly vm: string;
  /** Null when it never ran or was ended. */
  readonly exit_code: number | null;
  /** Only with --json. */
  readonly stdout: string;
  readonly stderr: string;
  readonly duration_ms: number;
  readonly error?: string;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "exec", {
    summary: "Run a command in VMs",
    description:
      "Hands what stands behind -- to the guest's shell. With one VM its output and exit code are vmlab's own, byte for " +
      "byte as they come. With several it runs in all at once, each line marked with its VM, standard output and " +
      "standard error apart; a table on standard error tells the exit codes, and vmlab's own is 1 if any failed. Ctrl-C " +
      "ends the connections; a command that ignores that goes on in its guest.",
    examples: [
      { command: "vmlab exec web -- hostname", text: "in one VM" },
      { command: "vmlab exec --env k8s -- uptime", text: "in all of an environment" },
      { command: "vmlab exec 'k8s-*' --root -- systemctl restart kubelet", text: "as root" },
      { command: "vmlab exec web --stdin -- 'cat > motd' < motd", text: "with standard input" },
      { command: "vmlab exec db -- 'psql -c \"select 1\" | head -1'", text: "with a pipe in the guest" },
      { command: "vmlab exec --all --json -- uname -r", text: "for programs" },
    ],
    exitCodes: [
      ["0 to 255", "in one VM: the command's own"],
      ["1", "an error of vmlab, or of several VMs one where the command failed"],
    ],
    related: ["ssh", "cp", "wait"],
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
  if (options.stdin === true && vms.length > 1) {
    fail({
      code: "cli/usage",
      summary: `--stdin goes to one VM, and ${vms.length} are chosen`,
      hint: 'Copy a file into several with "vmlab cp", then run the command on it.',
    });
  }
  const command = guestCommand.join(" ");
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    const [only] = vms;
    if (vms.length === 1 && only !== undefined && options.json !== true) {
      return await execInOne(context, providers.vm, only, command, options, interrupts.graceful);
    }
    const outputs = options.json === true ? vms.map(collector) : markedLines(context, vms);
    const outcomes = await Promise.all(
      vms.map((vm, index) =>
        execInSeveral(
          context,
          providers.vm,
          vm,
          command,
          options,
          outputs[index] ?? collector(),
          interrupts.graceful,
        ),
      ),
    );
    if (options.json === true) terminal.out.write(`${JSON.stringify(outcomes, null, 2)}\n`);
    else terminal.error.write(`\n${summary(context, outcomes).join("\n")}\n`);
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
  const run: GuestRun = {
    ...guestRun(command, options),
    ...(options.stdin === true ? { input: (until) => context.terminal.input(until) } : {}),
    onData: (data, stream) => (stream === "stdout" ? out : error).write(Buffer.from(data)),
  };
  const end = await runInVm(provider, context.effects.clock, id, run, signal);
  if (end.state === "ended") return end.code;
  error.write("The command was ended: it took longer than --timeout.\n");
  return 1;
}

function guestRun(command: string, options: ExecOptions): Omit<GuestRun, "onData"> {
  return {
    command,
    asRoot: options.root === true,
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  };
}

/** Where the output of one VM goes. */
interface Output {
  readonly take: GuestRun["onData"];
  /** Called when the command has ended; gives what is kept of the output. */
  readonly end: () => { readonly stdout: string; readonly stderr: string };
}

/** Keeps everything, for --json. */
function collector(): Output {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const text = (stream: "stdout" | "stderr") => Buffer.concat(parts[stream]).toString("utf8");
  return {
    take: (data, stream) => parts[stream].push(data),
    end: () => ({ stdout: text("stdout"), stderr: text("stderr") }),
  };
}

/** Prints whole lines, each with the name of its VM in front. */
function markedLines(context: CommandContext, vms: readonly ResourceState[]): Output[] {
  const width = Math.max(...vms.map(({ name }) => name.length));
  return vms.map(({ name }, index) => {
    const lines = (["out", "error"] as const).map((stream) => {
      const target = context.terminal[stream];
      const { apart } = colours(target);
      const mark = (apart[index % apart.length] ?? apart[0])(`${pad(name, width)} |`);
      return lineSplitter((line) => target.write(line === "" ? `${mark}\n` : `${mark} ${printable(line)}\n`));
    });
    return {
      take: (data, stream) => lines[stream === "stdout" ? 0 : 1]?.push(Buffer.from(data)),
      end: () => {
        for (const splitter of lines) splitter.end();
        return { stdout: "", stderr: "" };
      },
    };
  });
}

async function execInSeveral(
  context: CommandContext,
  provider: VmProvider,
  vm: ResourceState,
  command: string,
  options: ExecOptions,
  output: Output,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock } = context.effects;
  const begun = clock.now();
  const outcome = (exit_code: number | null, error?: string): Outcome => ({
    vm: vm.name,
    exit_code,
    ...output.end(),
    duration_ms: clock.now() - begun,
    ...(error === undefined ? {} : { error }),
  });
  try {
    const id = await requireRunning(provider, vm);
    const run: GuestRun = { ...guestRun(command, options), onData: output.take };
    const end = await runInVm(provider, clock, id, run, signal);
    return end.state === "ended" ? outcome(end.code) : outcome(null, "took longer than --timeout");
  } catch (error) {
    if (signal.aborted) return outcome(null, "interrupted");
    if (isDiagnosticsError(error)) return outcome(null, error.diagnostics[0]?.summary ?? "failed");
    return outcome(null, errorText(error));
  }
}

function summary(context: CommandContext, outcomes: readonly Outcome[]): string[] {
  const { error } = context.terminal;
  const paint = colours(error);
  const rows = outcomes.map(({ vm, exit_code, duration_ms, error: why }): Cell[] => [
    vm,
    exit_code === null
      ? { text: "-", paint: paint.error }
      : { text: String(exit_code), paint: exit_code === 0 ? paint.good : paint.error },
    formatDuration(duration_ms),
    // The row says already whose it is.
    (why ?? "").replace(`vm.${vm} `, ""),
  ]);
  return renderTable(
    [
      { header: "NAME", overflow: "cut-middle", least: LONGEST_NAME },
      { header: "EXIT", align: "right" },
      { header: "TIME", align: "right" },
      { header: "WHY", overflow: "wrap", least: 16 },
    ],
    rows,
    { width: error.columns, header: paint.faint },
  );
}
