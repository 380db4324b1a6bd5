import { join, resolve } from "node:path";
import type { Command } from "commander";
import { findIncludes } from "../../engine/config/find-includes.ts";
import { formatToml } from "../../engine/config/format.ts";
import { findModule } from "../../engine/config/modules/find-module.ts";
import { parseToml } from "../../engine/config/toml/parse-toml.ts";
import { fail } from "../../engine/diagnostics.ts";
import { isJsonObject } from "../../engine/json.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { renderTextDiff } from "../render/text-diff.ts";
import { LAB_FILE, requireLabFile } from "../workspace.ts";

interface FmtOptions {
  readonly check?: boolean;
  readonly diff?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "fmt", {
    summary: "Format lab.toml",
    description:
      "Rewrites lab.toml, its includes and its modules, or the files named, in one layout. Comments stay. Prints what it changed.",
    examples: [
      { command: "vmlab fmt", text: "the lab here" },
      { command: "vmlab fmt --check", text: "for CI: change nothing, exit with 1 if something would change" },
      { command: "vmlab fmt --diff envs/k8s.toml", text: "show what would change in one file" },
    ],
    exitCodes: [
      ["0", "no error"],
      ["1", "an error, or with --check a file that is not formatted"],
    ],
    related: ["validate"],
  })
    .argument("[files...]", "TOML files (default: lab.toml, its includes and its modules)")
    .option("--check", "change nothing; exit with 1 if a file is not formatted")
    .option("--diff", "change nothing; show what would change")
    .action(async (files: string[], options: FmtOptions) => {
      context.exitCode = await fmt(context, files, options);
    });
}

async function fmt(context: CommandContext, names: readonly string[], options: FmtOptions): Promise<number> {
  const { effects, terminal } = context;
  const dry = options.check === true || options.diff === true;
  let changed = 0;
  for (const { shown, path } of await filesToFormat(context, names)) {
    const before = await effects.files.readText(path);
    const after = await formatToml(before, shown);
    if (before === after) continue;
    changed += 1;
    if (options.diff === true) terminal.out.write(await renderTextDiff(shown, before, after, terminal.out));
    else terminal.out.write(`${shown}\n`);
    if (!dry) {
      const mode = (await effects.files.stat(path))?.mode ?? 0o644;
      await effects.files.write(path, after, { mode: mode & 0o777 });
    }
  }
  return options.check === true && changed > 0 ? 1 : 0;
}

async function filesToFormat(
  context: CommandContext,
  names: readonly string[],
): Promise<readonly { shown: string; path: string }[]> {
  const { files } = context.effects;
  if (names.length > 0) {
    const found = names.map((shown) => ({ shown, path: resolve(context.terminal.cwd, shown) }));
    for (const { shown, path } of found) {
      if ((await files.stat(path))?.kind !== "file")
        fail({ code: "cli/no-file", summary: `there is no file ${shown}` });
    }
    return found;
  }
  await requireLabFile(context);
  const labFiles = [LAB_FILE, ...(await includedFiles(context))];
  return [...labFiles, ...(await moduleFiles(context, labFiles))].map((shown) => ({
    shown,
    path: join(context.folder, shown),
  }));
}

/** What lab.include names; nothing while lab.toml cannot be read, which formatting it reports. */
async function includedFiles(context: CommandContext): Promise<string[]> {
  const { files } = context.effects;
  const { document } = await parseToml(await files.readText(join(context.folder, LAB_FILE)), LAB_FILE);
  const lab = document?.lab;
  const include = isJsonObject(lab) && Array.isArray(lab.include) ? lab.include : [];
  const patterns = include.filter((pattern): pattern is string => typeof pattern === "string");
  const matches = await findIncludes(files, context.folder, LAB_FILE, patterns);
  return matches.flatMap(({ paths }) => paths);
}

/** What environments have as their source, as far as it is there. */
async function moduleFiles(context: CommandContext, labFiles: readonly string[]): Promise<string[]> {
  const { files } = context.effects;
  const found = new Set<string>();
  for (const file of labFiles) {
    const { document } = await parseToml(await files.readText(join(context.folder, file)), file);
    const environments = isJsonObject(document?.environments) ? document.environments : {};
    for (const environment of Object.values(environments)) {
      const source = isJsonObject(environment) ? environment.source : undefined;
      if (typeof source !== "string") continue;
      const module = await findModule(source, file, { files, folder: context.folder });
      if ("file" in module) found.add(module.file);
    }
  }
  return [...found].filter((file) => !labFiles.includes(file));
}
