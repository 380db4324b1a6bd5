import { basename, join } from "node:path";
import type { Command } from "commander";
import { starterLab } from "../../engine/config/starter.ts";
import { fail } from "../../engine/diagnostics.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { LAB_FILE } from "../workspace.ts";

interface InitOptions {
  readonly name?: string;
  readonly autostart?: boolean;
  readonly remove?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "init", {
    summary: "Write a starter lab.toml",
    description:
      "Writes a commented lab.toml with one VM, and the lines of .gitignore that a lab needs. What exists is never " +
      "overwritten; it says what it left alone. With --autostart it writes no lab.toml but a unit of the user's systemd, " +
      'which runs "vmlab start --resume-all" after a reboot: the VMs of all labs that ran then run again. A unit that ' +
      "somebody edited is left alone.",
    examples: [
      { command: "vmlab init", text: "here, named after the folder" },
      { command: "vmlab init --name demo", text: "with another name" },
      { command: "vmlab -C labs/demo init", text: "in another folder, made if need be" },
      { command: "vmlab init --autostart", text: "bring VMs back after a reboot of this host" },
      { command: "vmlab init --autostart --remove", text: "leave that to yourself again" },
    ],
    related: ["validate", "plan", "create", "schema"],
  })
    .option("--name <name>", "name of the lab (default: of the folder)")
    .option("--autostart", "install a systemd user unit that starts what ran before a reboot")
    .option("--remove", "with --autostart: take that unit away")
    .action(async (options: InitOptions) => {
      context.exitCode = await (options.autostart === true || options.remove === true
        ? autostart(context, options)
        : init(context, options));
    });
}

async function init(context: CommandContext, options: InitOptions): Promise<number> {
  const { effects, folder, terminal } = context;
  const name = options.name ?? nameOf(folder);
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > 40) {
    fail({
      code: "config/bad-name",
      summary: `"${name}" cannot be the name of a lab`,
      hint: "Lower-case letters, digits and inner hyphens, beginning with a letter, at most 40 characters.",
    });
  }
  await effects.files.makeDir(folder, { mode: 0o755 });
  const wroteLab = await writeNew(context, LAB_FILE, starterLab(name));
  const ignored = await ignore(context);
  const { out } = terminal;
  out.write(wroteLab ? `Wrote ${LAB_FILE} (lab ${name}).\n` : `${LAB_FILE} exists and was left alone.\n`);
  out.write(ignored);
  out.write(`\nNext: look at ${LAB_FILE}, then "vmlab plan" and "vmlab apply".\n`);
  return 0;
}

async function autostart(context: CommandContext, options: InitOptions): Promise<number> {
  const { installAutostart, refuseMixed, removeAutostart } = await import("../autostart.ts");
  refuseMixed(options);
  return await (options.remove === true ? removeAutostart(context) : installAutostart(context));
}

/** False when the file exists. */
async function writeNew(context: CommandContext, file: string, text: string): Promise<boolean> {
  const { files } = context.effects;
  const path = join(context.folder, file);
  if ((await files.stat(path)) !== undefined) return false;
  await files.createExclusive(path, text, { mode: 0o644 });
  return true;
}

/** The state holds secrets and belongs to this host; saved plans belong to this state. */
const IGNORED = [".vmlab/", "*.plan"];

async function ignore(context: CommandContext): Promise<string> {
  const { files } = context.effects;
  const path = join(context.folder, ".gitignore");
  const heading = "# vmlab: state and saved plans of this host (vmlab.lock belongs into git)";
  if ((await files.stat(path)) === undefined) {
    await files.createExclusive(path, `${[heading, ...IGNORED].join("\n")}\n`, { mode: 0o644 });
    return "Wrote .gitignore.\n";
  }
  const text = await files.readText(path);
  const present = new Set(
    text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, "").replace(/\/$/, "")),
  );
  const missing = IGNORED.filter((line) => !present.has(line.replace(/\/$/, "")));
  if (missing.length === 0) return ".gitignore has the lines of vmlab and was left alone.\n";
  const mode = (await files.stat(path))?.mode ?? 0o644;
  const glue = text === "" || text.endsWith("\n") ? "" : "\n";
  await files.write(path, `${text}${glue}${[heading, ...missing].join("\n")}\n`, { mode: mode & 0o777 });
  return `Added ${missing.join(" and ")} to .gitignore.\n`;
}

/** The folder's name as a lab's name; `lab` when nothing of it can be used. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return name === "" ? "lab" : name;
}
