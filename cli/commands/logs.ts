import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import type { State } from "../../engine/state/types.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { instanceOf } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { positiveInteger } from "../plan-arguments.ts";
import { printable } from "../render/text-width.ts";
import type { SelfLogOptions } from "../self-log.ts";
import { openMachines } from "../workspace.ts";

interface LogsOptions extends SelfLogOptions {
  readonly provision?: boolean;
  readonly self?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "logs", {
    summary: "Show a VM's serial console log, that of its provisioning, or vmlab's own",
    description:
      "The console's log holds what the guest wrote to it, also before the last restart. Escape sequences are left " +
      "out. With --provision: what its files, scripts and run printed, with the duration and exit code of each step, " +
      "also of earlier applies and of machines that failed. Secrets are masked. With --self: the commands of vmlab on " +
      "this host, in whatever folder, how long they took, how they ended and what they told.",
    examples: [
      { command: "vmlab logs web", text: "the last 100 lines" },
      { command: "vmlab logs web -n 1000 | less", text: "more" },
      { command: "vmlab logs web -f", text: "follow; Ctrl-C ends" },
      { command: "vmlab logs web --provision", text: "what its last apply did inside" },
      { command: "vmlab logs --self -n 20", text: "the last commands of vmlab itself" },
    ],
    related: ["console", "ops logs"],
  })
    .argument("[vm]", "name of the VM")
    .option("-n, --lines <n>", "how many lines", positiveInteger, 100)
    .option("-f, --follow", "go on as the guest writes")
    .option("--provision", "the steps of its provisioning instead of the console")
    .option("--self", "vmlab's own log instead of a VM's")
    .option("--json", "with --self: print it as it is kept, one JSON object a line")
    .action(async (name: string | undefined, options: LogsOptions) => {
      context.exitCode = await logsOf(context, name, options);
    });
}

async function logsOf(
  context: CommandContext,
  name: string | undefined,
  options: LogsOptions,
): Promise<number> {
  const { self = false, provision = false, json = false } = options;
  if (self ? name !== undefined || provision : name === undefined || json) {
    fail({
      code: "cli/usage",
      summary: self
        ? "--self goes with neither a VM nor --provision"
        : name === undefined
          ? "logs needs the name of a VM, or --self"
          : "--json goes with --self",
      hint: "vmlab logs web, or vmlab logs --self.",
    });
  }
  if (name !== undefined) return await logs(context, name, options);
  const { showSelfLog } = await import("../self-log.ts");
  return await showSelfLog(context, options);
}

const FOLLOW_EVERY_MS = 300;
/** Lines asked for on each look while following: far more than a guest writes in between. */
const FOLLOW_LINES = 2000;

/** Resolves with at most so many of the last lines. */
type Tail = (lines: number) => Promise<readonly string[]>;

async function logs(context: CommandContext, name: string, options: LogsOptions): Promise<number> {
  const { effects, terminal } = context;
  const { state, providers } = await openMachines(context);
  // Nobody else may look at it for long.
  if (options.provision !== true) await providers.vm.trimLogs([instanceOf(chosenVm(state, name))]);
  const tail: Tail =
    options.provision === true
      ? await provisionTail(context, state, name)
      : (lines) => providers.vm.consoleLog(instanceOf(chosenVm(state, name)), lines);
  const write = (lines: readonly string[]): void => {
    if (lines.length > 0) terminal.out.write(`${lines.map(printable).join("\n")}\n`);
  };
  let seen = await tail(options.follow === true ? Math.max(options.lines, FOLLOW_LINES) : options.lines);
  write(seen.slice(-options.lines));
  if (options.follow !== true) return 0;
  const interrupts = listenForInterrupts(terminal, () => {});
  try {
    while (!interrupts.graceful.aborted) {
      await effects.clock.sleep(FOLLOW_EVERY_MS, interrupts.graceful).catch(() => undefined);
      const now = await tail(FOLLOW_LINES);
      write(newLines(seen, now));
      seen = now;
    }
  } finally {
    interrupts.release();
  }
  return 0;
}

/** The log is kept for the name: a machine that failed and was taken back has one all the same. */
async function provisionTail(context: CommandContext, state: State | undefined, name: string): Promise<Tail> {
  const { effects, home } = context;
  const [{ provisionLogPlaces }, { readProvisionLog }, { provisionLines }] = await Promise.all([
    import("../../engine/host/provision-log.ts"),
    import("../../engine/host/read-provision-log.ts"),
    import("../render/provision-lines.ts"),
  ]);
  const read = async (vm: string) =>
    state === undefined
      ? undefined
      : readProvisionLog(effects.files, provisionLogPlaces(home, state.lineage, vm));
  const vm = isName(name) && (await read(name)) !== undefined ? name : chosenVm(state, name).name;
  if ((await read(vm)) === undefined) {
    context.terminal.error.write(
      `Nothing is recorded of ${vm}: it has no files, scripts or run, or none was reached.\n`,
    );
  }
  return async (lines) => provisionLines((await read(vm)) ?? []).slice(-lines);
}

/** A name from a command line ends up in a path. */
function isName(name: string): boolean {
  return /^[a-z0-9-]+$/.test(name);
}

/** What `after` has behind the longest end of `before` that it begins with: the windows overlap unless all is new. */
export function newLines(before: readonly string[], after: readonly string[]): readonly string[] {
  for (let skipped = 0; skipped < before.length; skipped++) {
    const overlap = before.length - skipped;
    if (overlap <= after.length && startsWith(after, before, skipped)) return after.slice(overlap);
  }
  return after;
}

function startsWith(after: readonly string[], before: readonly string[], from: number): boolean {
  for (let index = from; index < before.length; index++) {
    if (before[index] !== after[index - from]) return false;
  }
  return true;
}
