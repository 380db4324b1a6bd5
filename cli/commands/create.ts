import type { Command } from "commander";
import { catalogue } from "../../engine/config/catalogue.ts";
import { nameHint, nearestName } from "../../engine/config/nearest-name.ts";
import type { Lab } from "../../engine/config/types.ts";
import { DiagnosticsError, fail } from "../../engine/diagnostics.ts";
import { isJsonObject, type JsonObject } from "../../engine/json.ts";
import { hasErrors } from "../apply-run.ts";
import { requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandRecorded } from "../expand-recorded.ts";
import { addNewVmOptions, givenSettings, makeNewVms, type NewTable, type NewVmOptions } from "../new-vms.ts";
import { nextFreeName, takenNames } from "../vm-names.ts";
import { openLab, openStore } from "../workspace.ts";

interface CreateOptions extends NewVmOptions {
  readonly role?: string;
  readonly image?: string;
  readonly template?: string;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "create", {
    summary: "Add a VM to lab.toml and make it",
    description:
      "Writes [vms.NAME] at the end of lab.toml (comments and layout stay), shows the plan, asks, and applies it. Without " +
      "NAME it takes the next free one: docker-1, docker-2. A role of the catalogue that lab.toml does not declare is " +
      "declared with it. Nothing is written before you agree; if the apply fails the " +
      'entry stays, and "vmlab apply" goes on.',
    examples: [
      { command: "vmlab create --role docker", text: "docker-1, or the next free number" },
      { command: "vmlab create web --image noble --memory 2GiB", text: "on an image" },
      { command: "vmlab create db --template small --disk 40GiB --yes", text: "without a question" },
      { command: "vmlab create web --role docker --port 8080:80", text: "with a forwarded port" },
    ],
    related: ["delete", "apply", "list"],
  });
  command
    .argument("[name]", "name, which is also the hostname")
    .option("--role <name>", "a role of lab.toml or of the catalogue")
    .option("--image <name>", "an image of lab.toml")
    .option("--template <name>", "a template of lab.toml");
  return addNewVmOptions(command, {
    disk: "size of the disk, such as 20GiB",
    port: "forward a port (repeatable)",
  }).action(async (name: string | undefined, options: CreateOptions) => {
    context.exitCode = await create(context, name, options);
  });
}

async function create(
  context: CommandContext,
  given: string | undefined,
  options: CreateOptions,
): Promise<number> {
  requireYesForJson(options);
  const lab = await openLab(context, options);
  const state = await (await openStore(context)).read();
  const expansion = expandRecorded(lab, state);
  if (hasErrors(expansion.diagnostics)) throw new DiagnosticsError(expansion.diagnostics);
  const { name, beside } = requireSource(lab, options);
  const taken = takenNames(lab, expansion, state);
  return await makeNewVms(context, {
    command: "create",
    names: [given ?? nextFreeName(name, taken)],
    taken,
    settings: settings(options),
    beside,
    options,
  });
}

/** What the VM is made from, checked by name. */
interface Source {
  /** What generated names begin with. */
  readonly name: string;
  readonly beside: readonly NewTable[];
}

/** A role of the catalogue need not be declared: it is, beside its first VM. */
function requireSource(lab: Lab, options: CreateOptions): Source {
  const chosen = (["role", "image", "template"] as const).flatMap((kind) => {
    const name = options[kind];
    return name === undefined ? [] : [{ kind, name }];
  });
  if (options.role !== undefined && options.image !== undefined) {
    fail({
      code: "cli/usage",
      summary: "--role and --image contradict each other",
      hint: "A role brings its own image.",
    });
  }
  const beside: NewTable[] = [];
  for (const { kind, name } of chosen) {
    const tables = lab.document[`${kind}s`];
    const names = isJsonObject(tables) ? Object.keys(tables) : [];
    if (names.includes(name)) continue;
    if (kind === "role" && catalogue[name] !== undefined) {
      beside.push({ path: ["roles", name], settings: { use: name } });
      continue;
    }
    fail({
      code: "config/unknown-reference",
      summary: `lab.toml declares no ${kind} "${name}"`,
      hint: sourceHint(kind, name, names),
    });
  }
  const [first] = chosen;
  if (first !== undefined) return { name: first.name, beside };
  const settings = lab.document.lab;
  const image = isJsonObject(settings) ? settings.image : undefined;
  if (typeof image === "string") return { name: "vm", beside };
  return fail({
    code: "cli/usage",
    summary: "what the VM is made from is not said",
    hint: "Give --role, --image or --template, or set lab.image.",
  });
}

function sourceHint(kind: "role" | "image" | "template", name: string, declared: readonly string[]): string {
  if (kind !== "role") return nameHint(name, declared, kind) ?? `"vmlab show" and lab.toml list them.`;
  const known = [...new Set([...declared, ...Object.keys(catalogue)])].sort();
  const nearest = nearestName(name, known);
  return nearest === undefined
    ? `lab.toml and the catalogue have: ${known.join(", ")}.`
    : `Did you mean "${nearest}"?`;
}

function settings(options: CreateOptions): JsonObject {
  const { template, role, image } = options;
  return {
    ...(template === undefined ? {} : { template }),
    ...(role === undefined ? {} : { role }),
    ...(image === undefined ? {} : { image }),
    ...givenSettings(options),
  };
}
