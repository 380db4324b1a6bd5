// docs/commands.md, from the command table and the definitions that --help is printed from.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { item, wrap } from "./markdown.mjs";

const INTRO = `# Commands

<!-- Generated from the definitions in cli/: npm run docs. Changes made here are lost. -->

Every command takes \`-C DIR\` (\`--chdir\`), the folder of the lab; \`-v\` (\`--verbose\`), which tells the programs that
are run, and \`--log-format text|json\`, how standard error is written ([more](monitoring.md#the-log-of-commands)); and
\`-h\` (\`--help\`). \`vmlab --version\` prints the version. What stands behind \`--\` is the command line for a guest.

Exit codes: 0 for success, 1 for errors. \`plan --detailed-exitcode\` gives 2 when there are changes. \`exec\` and \`ssh\`
end with the guest command's own.
`;

/**
 * @param {string} root folder of the sources
 * @returns {Promise<string>}
 */
export async function commandsPage(root) {
  const { COMMANDS, GROUPS } = await commandTable(root);
  /** @type {Record<string, unknown>} */
  const terminal = { cwd: root, out: {}, error: {} };
  const context = { terminal, folder: root, exitCode: 0, guestCommand: undefined };
  const sections = [INTRO];
  for (const group of GROUPS) {
    sections.push(`## ${group}\n`);
    for (const entry of COMMANDS.filter((candidate) => candidate.group === group)) {
      const module = await entry.load();
      const definition = module.define(/** @type {any} */ (context));
      sections.push(...family(definition, `vmlab ${entry.name}`, entry.aliases ?? []).map(section));
    }
  }
  return sections.join("\n");
}

/**
 * The table as the sources define it, bundled so that Node can run it.
 *
 * @param {string} root
 * @returns {Promise<typeof import("../../cli/command-table.ts")>}
 */
async function commandTable(root) {
  const { build } = await import("esbuild");
  const file = join(root, "node_modules", ".cache", `vmlab-commands-${process.pid}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ["cli/command-table.ts"],
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "error",
  });
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(file, { force: true });
  }
}

/** @typedef {{ readonly name: string, readonly aliases: readonly string[], readonly command: import("commander").Command }} Named */

/**
 * A command and those below it, by their full names.
 *
 * @param {import("commander").Command} command
 * @param {string} name
 * @param {readonly string[]} aliases
 * @returns {Named[]}
 */
function family(command, name, aliases) {
  return [
    { name, aliases, command },
    ...command.commands.flatMap((child) => family(child, `${name} ${child.name()}`, child.aliases())),
  ];
}

/** @type {ReadonlySet<string | undefined>} */
const EVERYWHERE = new Set(["--help", "--chdir", "--verbose", "--log-format"]);

/** @param {Named} named */
function section({ name, aliases, command }) {
  const help = command.createHelp();
  const usage = [
    name,
    ...(help.visibleOptions(command).length > 0 ? ["[options]"] : []),
    ...command.registeredArguments.map((argument) => help.argumentTerm(argument) && argumentUsage(argument)),
  ];
  const group = command.commands.length > 0;
  const options = help.visibleOptions(command).filter(({ long }) => !EVERYWHERE.has(long));
  const examples = examplesOf(command);
  return [
    `### ${name}\n`,
    ...help
      .commandDescription(command)
      .split("\n\n")
      .map((paragraph) => `${wrap(paragraph)}\n`),
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.map((alias) => `\`${alias}\``).join(", ")}.\n`]),
    ...(group ? [] : [`\`${usage.join(" ")}\`\n`]),
    ...list(
      command.registeredArguments.filter((argument) => argument.description !== ""),
      (argument) => `\`${argumentUsage(argument)}\`: ${help.argumentDescription(argument)}`,
    ),
    ...list(options, (option) => `\`${help.optionTerm(option)}\`: ${help.optionDescription(option)}`),
    ...(examples === "" ? [] : [`\`\`\`\n${examples}\n\`\`\`\n`]),
  ].join("\n");
}

/** @param {import("commander").Argument} argument */
function argumentUsage(argument) {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}

/**
 * @template T
 * @param {readonly T[]} things
 * @param {(thing: T) => string} text
 */
function list(things, text) {
  return things.length === 0 ? [] : [`${things.map((thing) => item(text(thing))).join("\n")}\n`];
}

/**
 * What --help prints below the options, without its heading.
 *
 * @param {import("commander").Command} command
 */
function examplesOf(command) {
  let text = "";
  const write = (/** @type {string} */ part) => {
    text += part;
  };
  // Commander's commands are event emitters, which its types do not say.
  const emitter = /** @type {import("node:events").EventEmitter} */ (/** @type {unknown} */ (command));
  emitter.emit("afterHelp", { command, error: false, write });
  return text
    .replace(/^\s*Examples:\n/, "")
    .split("\n")
    .map((line) => line.replace(/^ {2}/, "").trimEnd())
    .join("\n")
    .trim();
}
