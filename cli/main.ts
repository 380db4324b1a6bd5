/** Runs one command line to its exit code. Everything outside comes in, so that tests can run all of vmlab in-process. */
import { resolve } from "node:path";
import { homeFrom } from "../engine/home.ts";
import { showAlerts } from "./alerts.ts";
import { splitCommandLine } from "./command-line.ts";
import { CommandLog } from "./command-log.ts";
import { findCommand } from "./command-table.ts";
import { type CommandContext, colours, type Outside } from "./context.ts";
import { helpWidth } from "./help-page.ts";
import { topicText } from "./help-topics.ts";
import { helpText, unknownCommand } from "./overview.ts";
import { reportProblem } from "./report-problem.ts";
import { runDefinition } from "./run-definition.ts";
import { asksForJson, writeJsonErrors } from "./verbosity.ts";
import { version } from "./version.ts";

/** Resolves with the exit code: 0, 1 for errors, 2 for changes under --detailed-exitcode, a guest command's own for exec and ssh. */
export async function main(argv: readonly string[], outside?: Outside): Promise<number> {
  const { effects, terminal, program } = outside ?? (await realOutside());
  const line = splitCommandLine(argv);
  const home = homeFrom(effects.host.env);
  const log = new CommandLog({ effects, home, tool: version, argv });
  const context: CommandContext = {
    effects,
    terminal,
    log,
    home,
    tool: version,
    argv,
    ...(program === undefined ? {} : { program }),
    guestCommand: line.guestCommand,
    folder: terminal.cwd,
    exitCode: 0,
  };
  try {
    if (asksForJson(line.words)) writeJsonErrors(context);
    if (line.problem !== undefined) throw line.problem();
    if (line.chdir !== undefined) context.folder = resolve(terminal.cwd, line.chdir);
    const [name, ...args] = line.words;
    if (line.version) {
      terminal.out.write(`vmlab ${version}\n`);
      return 0;
    }
    if (name === undefined || line.help || (name === "help" && args.length === 0)) {
      terminal.out.write(helpText(version, colours(terminal.out).strong));
      return 0;
    }
    const topic = name === "help" ? topicText(args[0] ?? "", helpWidth(terminal.out.columns)) : undefined;
    if (topic !== undefined) {
      terminal.out.write(topic);
      return 0;
    }
    const [wanted, rest] = name === "help" ? [args[0] ?? "", [...args.slice(1), "--help"]] : [name, args];
    const entry = findCommand(wanted);
    if (entry === undefined) throw unknownCommand(wanted);
    // A shell that completes a word asks without anybody having run a command.
    const isCommand = entry.name !== "completion" && !rest.some((word) => word === "-h" || word === "--help");
    return await logged(context, isCommand, async () => {
      const [module] = await Promise.all([entry.load(), showAlerts(context, entry.name, rest)]);
      const definition = module.define(context);
      log.definedBy(definition, wanted);
      log.readLevel();
      return await runDefinition(definition, rest, context);
    });
  } catch (error) {
    return await reportProblem(error, context);
  }
}

/** Runs a command and, when it is one, writes down how it ended. */
async function logged(
  context: CommandContext,
  isCommand: boolean,
  run: () => Promise<number>,
): Promise<number> {
  if (!isCommand) return await run();
  const exitCode = await run().catch((error: unknown) => reportProblem(error, context));
  await context.log.end(context.folder, exitCode);
  return exitCode;
}

async function realOutside(): Promise<Outside> {
  const [{ nodeEffects }, { nodeTerminal, ownProgram }] = await Promise.all([
    import("../engine/effects-node.ts"),
    import("./node-terminal.ts"),
  ]);
  return { effects: nodeEffects(), terminal: nodeTerminal(), program: ownProgram() };
}
