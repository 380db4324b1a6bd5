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
  const { COMMANDS, GROUPS, helpOf } = await definitions(root);
  /** @type {Record<string, unknown>} */
  const terminal = { cwd: root, out: {}, error: {} };
  const context = { terminal, folder: root, exitCode: 0, guestCommand: undefined };
  const sections = [INTRO];
  for (const group of GROUPS) {
    sections.push(`## ${group}\n`);
    for (const entry of COMMANDS.filter((candidate) => candidate.group === group)) {
      const module = await entry.load();
      const definition = module.define(/** @type {any} */ (context));
      sections.push(
        ...family(definition, `vmlab ${entry.name}`, entry.aliases ?? []).map((named) =>
          section(named, helpOf(named.command)),
        ),
      );
    }
  }
  return sections.join("\n");
}

/**
 * The commands as the sources define them, bundled so that Node can run them.
 *
 * @param {string} root
 * @returns {Promise<typeof import("../../cli/command-table.ts") & typeof import("../../cli/define-command.ts")>}
 */
async function definitions(root) {
  const { build } = await import("esbuild");
  const file = join(root, "node_modules", ".cache", `vmlab-commands-${process.pid}.mjs`);
  await build({
    absWorkingDir: root,
    stdin: {
      contents: 'export * from "./cli/command-table.ts"; export * from "./cli/define-command.ts";',
      resolveDir: root,
    },
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

/**
 * @param {Named} named
 * @param {import("../../cli/help-page.ts").CommandHelp | undefined} told
 */
function section({ name, aliases, command }, told) {
  const help = command.createHelp();
  const usage = [
    name,
    ...(help.visibleOptions(command).length > 0 ? ["[options]"] : []),
    ...command.registeredArguments.map((argument) => help.argumentTerm(argument) && argumentUsage(argument)),
  ];
  const group = command.commands.length > 0;
  const options = help.visibleOptions(command).filter(({ long }) => !EVERYWHERE.has(long));
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
    ...(told === undefined ? [] : [`\`\`\`\n${exampleText(told.examples)}\n\`\`\`\n`]),
    ...(told?.exitCodes === undefined
      ? []
      : [wrap(`Exit codes: ${told.exitCodes.map(([code, text]) => `${code}: ${text}`).join("; ")}.`), ""]),
    ...(told?.related === undefined ? [] : [`See also: ${told.related.map(linked).join(", ")}.\n`]),
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

/** @param {readonly import("../../cli/help-page.ts").Example[]} examples */
function exampleText(examples) {
  const width = Math.max(...examples.map(({ command }) => command.length));
  return examples
    .map(({ command, text }) =>
      width > 44 ? `${command}\n    ${text}` : `${command.padEnd(width)}  ${text}`,
    )
    .join("\n");
}

/** @param {string} name of a command below vmlab */
function linked(name) {
  return `[vmlab ${name}](#vmlab-${name.replaceAll(" ", "-")})`;
}
