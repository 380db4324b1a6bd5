import type { Command } from "commander";
import { nameHint } from "../../engine/config/nearest-name.ts";
import { fail } from "../../engine/diagnostics.ts";
import { isJsonObject } from "../../engine/json.ts";
import type { OutputState } from "../../engine/state/types.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { outputLines, valueText } from "../render/outputs.ts";
import { openLabIfSound, openStore } from "../workspace.ts";

interface OutputOptions {
  readonly json?: boolean;
  readonly raw?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "output", {
    summary: "Show the lab's outputs",
    description:
      "Values as of the last apply. A sensitive one is shown only when it is named and --json or --raw is given.",
    examples: [
      { command: "vmlab output", text: "all of them" },
      { command: "vmlab output api --raw", text: "one, bare, for scripts" },
      { command: "vmlab output --json", text: "for programs" },
    ],
    related: ["show", "eval"],
  })
    .argument("[name]", "name of one output")
    .option("--json", "print JSON")
    .option("--raw", "print the bare value (with a name)")
    .action(async (name: string | undefined, options: OutputOptions) => {
      context.exitCode = await output(context, name, options);
    });
}

async function output(
  context: CommandContext,
  name: string | undefined,
  options: OutputOptions,
): Promise<number> {
  const { out } = context.terminal;
  const state = await (await openStore(context)).read();
  const outputs = await withPresentSecrecy(context, state?.outputs ?? {});
  if (name === undefined) {
    if (options.raw === true) fail({ code: "cli/usage", summary: "--raw needs the name of one output" });
    if (options.json === true) {
      const shown = Object.entries(outputs).map(([key, { value, sensitive }]) => [
        key,
        sensitive ? { sensitive } : { sensitive, value },
      ]);
      out.write(`${JSON.stringify(Object.fromEntries(shown), null, 2)}\n`);
    } else if (Object.keys(outputs).length === 0) {
      out.write(`No outputs. They are declared in [outputs] of lab.toml and computed by "vmlab apply".\n`);
    } else out.write(`${outputLines(outputs).join("\n")}\n`);
    return 0;
  }
  const found = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (found === undefined) {
    fail({
      code: "state/unknown-output",
      summary: `there is no output "${name}"`,
      hint: nameHint(name, Object.keys(outputs), "output") ?? `"vmlab output" lists all.`,
    });
  }
  if (options.json === true) out.write(`${JSON.stringify(found.value, null, 2)}\n`);
  else if (options.raw === true) {
    if (typeof found.value === "object" && found.value !== null) {
      fail({ code: "cli/usage", summary: `the output "${name}" is not a single value`, hint: "Use --json." });
    }
    // No newline: the value as it is, as Terraform prints it.
    out.write(String(found.value));
  } else out.write(`${found.sensitive ? "(sensitive)" : valueText(found.value)}\n`);
  return 0;
}

type RecordedOutputs = Readonly<Record<string, OutputState>>;

/** What lab.toml calls sensitive by now is, even if it was not when the value was recorded. */
async function withPresentSecrecy(
  context: CommandContext,
  recorded: RecordedOutputs,
): Promise<RecordedOutputs> {
  if (Object.values(recorded).every(({ sensitive }) => sensitive)) return recorded;
  const declared = (await openLabIfSound(context))?.document.outputs;
  if (!isJsonObject(declared)) return recorded;
  const isSensitive = (name: string): boolean => {
    const declaration = Object.hasOwn(declared, name) ? declared[name] : undefined;
    return isJsonObject(declaration) && declaration.sensitive === true;
  };
  return Object.fromEntries(
    Object.entries(recorded).map(([name, output]) => [
      name,
      { ...output, sensitive: output.sensitive || isSensitive(name) },
    ]),
  );
}
