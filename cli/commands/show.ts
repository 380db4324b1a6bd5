import { resolve } from "node:path";
import type { Command } from "commander";
import { isJsonObject, type Json, type JsonObject } from "../../engine/json.ts";
import { isDeferred } from "../../engine/plan/compare-inputs.ts";
import { describeValue } from "../../engine/plan/describe.ts";
import { readPlanFile } from "../../engine/plan/saved-plan.ts";
import type { ResourceState, State } from "../../engine/state/types.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import { showPlan } from "../apply-run.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { outputLines } from "../render/outputs.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { maskedState } from "../state-view.ts";
import { openStore } from "../workspace.ts";

interface ShowOptions {
  readonly json?: boolean;
  readonly details?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "show", {
    summary: "Show the state or a saved plan",
    description:
      "Without PLANFILE: every resource of the state with its inputs and attributes; secrets are masked.",
    examples: [
      { command: "vmlab show", text: "the state" },
      { command: "vmlab show lab.plan --details", text: "a saved plan" },
      { command: "vmlab show --json", text: "for programs" },
    ],
    related: ["plan", "state list", "output"],
  })
    .argument("[planfile]", 'a plan saved by "vmlab plan -o"')
    .option("--json", "print JSON (a plan in Terraform's format)")
    .option("--details", "list the attributes of each change of a plan")
    .action(async (planfile: string | undefined, options: ShowOptions) => {
      context.exitCode =
        planfile === undefined
          ? await showState(context, options)
          : await showSaved(context, planfile, options);
    });
}

async function showSaved(context: CommandContext, planfile: string, options: ShowOptions): Promise<number> {
  const plan = await readPlanFile(context.effects, resolve(context.terminal.cwd, planfile));
  if (options.json === true) {
    const { terraformPlanJson } = await import("../../engine/plan/terraform-json.ts");
    const state = await (await openStore(context)).read();
    context.terminal.out.write(`${JSON.stringify(terraformPlanJson(plan, state), null, 2)}\n`);
  } else await showPlan(context, plan, { ...(options.details === true && { details: true }) });
  return 0;
}

async function showState(context: CommandContext, options: ShowOptions): Promise<number> {
  const { out } = context.terminal;
  const state = await (await openStore(context)).read();
  if (options.json === true)
    out.write(`${JSON.stringify(state === undefined ? null : maskedState(state), null, 2)}\n`);
  else if (state === undefined) out.write(`No state yet. "vmlab apply" makes it.\n`);
  else out.write(stateText(state, context));
  return 0;
}

function stateText(state: State, context: CommandContext): string {
  const paint = colours(context.terminal.out);
  const lines = [paint.strong(`${state.lab} · state #${state.serial} · lineage ${state.lineage}`)];
  for (const resource of Object.values(state.resources)) {
    const phase = resource.phase === "complete" ? "" : paint.update(`  (${resource.phase})`);
    lines.push("", `${paint.strong(resource.address)}${phase}`, ...resourceLines(resource, context));
  }
  const outputs = outputLines(state.outputs);
  if (outputs.length > 0) lines.push("", paint.strong("Outputs"), ...outputs.map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

/** Inputs, then attributes that are not the same as an input; tables of either as `login.user`. */
export function resourceLines(resource: ResourceState, context: CommandContext): string[] {
  const paint = colours(context.terminal.out);
  const { inputs, instance } = resource;
  // What a secret holds is its attributes.
  const attributes = resource.type === "secret" ? {} : resource.attributes;
  const told = new Set(["id", "name", ...Object.keys(inputs)]);
  const entries = [
    ...(instance === undefined ? [] : [["id", instance] as const]),
    ...flattened("", inputs),
    ...flattened("", Object.fromEntries(Object.entries(attributes).filter(([key]) => !told.has(key)))),
  ];
  const rows = entries.map(([key, value]): Cell[] => [{ text: key, paint: paint.faint }, value]);
  return renderTable([{ header: "" }, { header: "", overflow: "wrap", least: 20 }], rows, {
    indent: 2,
    width: context.terminal.out.columns,
    header: undefined,
  });
}

function flattened(prefix: string, table: JsonObject): (readonly [string, string])[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (isEmpty(value)) return [];
    if (isJsonObject(value) && !isDeferred(value)) return flattened(`${path}.`, value);
    if (typeof value === "number" && key.endsWith("Ms"))
      return [[path.slice(0, -2), formatDuration(value)] as const];
    if (typeof value === "number" && key.endsWith("size")) return [[path, formatSize(value)] as const];
    if (Array.isArray(value)) return [[path, value.map(itemText).join(", ")] as const];
    return [[path, describeValue(path, value)] as const];
  });
}

/** `lan (ip 10.42.0.3, mtu 1500)` of a table that has a name, such as a network. */
function itemText(item: Json): string {
  if (!isJsonObject(item) || isDeferred(item) || typeof item.name !== "string")
    return describeValue("", item);
  const { name, ...rest } = item;
  const details = flattened("", rest).map((entry) => entry.join(" "));
  return details.length === 0 ? name : `${name} (${details.join(", ")})`;
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === null || (isJsonObject(value) && Object.keys(value).length === 0);
}
