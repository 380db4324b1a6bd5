import type { Command } from "commander";
import { checkShares } from "../../engine/config/check-shares.ts";
import { resolveFiles } from "../../engine/config/resolve-files.ts";
import type { Resource } from "../../engine/config/types.ts";
import { type Diagnostic, isDiagnosticsError } from "../../engine/diagnostics.ts";
import { hasErrors } from "../apply-run.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandHere } from "../expand-recorded.ts";
import { addVariableOptions } from "../plan-arguments.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { type GivenVariables, openLab } from "../workspace.ts";

interface ValidateOptions extends GivenVariables {
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "validate", {
    summary: "Check lab.toml",
    description:
      "Reads lab.toml and its includes and reports everything that is wrong with them in one run: syntax, unknown keys, " +
      "wrong values, missing files, broken references, cycles. Touches neither the state nor any VM.",
    examples: [
      { command: "vmlab validate", text: "the lab here" },
      { command: "vmlab validate --var workers=5", text: "with another value of a variable" },
      { command: "vmlab validate --json", text: "for editors and CI" },
    ],
    related: ["fmt", "plan", "eval"],
  }).option("--json", "print the diagnostics as JSON");
  return addVariableOptions(command).action(async (options: ValidateOptions) => {
    context.exitCode = await validate(context, options);
  });
}

async function validate(context: CommandContext, options: ValidateOptions): Promise<number> {
  const { out } = context.terminal;
  const { name, resources, diagnostics } = await check(context, options);
  const valid = !hasErrors(diagnostics);
  if (options.json === true) {
    const count = (severity: string): number => diagnostics.filter((d) => d.severity === severity).length;
    const report = { valid, error_count: count("error"), warning_count: count("warning"), diagnostics };
    out.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    await showDiagnostics(diagnostics, context);
    if (valid) out.write(`${colours(out).good("Valid.")} ${countText(name, resources)}\n`);
    else {
      const errors = diagnostics.filter(({ severity }) => severity === "error").length;
      context.terminal.error.write(`\n${errors === 1 ? "1 error" : `${errors} errors`}.\n`);
    }
  }
  return valid ? 0 : 1;
}

interface Checked {
  readonly name: string;
  readonly resources: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
}

async function check(context: CommandContext, options: ValidateOptions): Promise<Checked> {
  try {
    const lab = await openLab(context, options);
    const { unneeded = [], ...needed } = await expandHere(context, lab);
    // What no VM stands on yet is checked all the same.
    const expansion = { ...needed, resources: [...needed.resources, ...unneeded] };
    const files = hasErrors(expansion.diagnostics)
      ? undefined
      : await resolveFiles(context.effects, lab, expansion);
    const shares =
      files === undefined
        ? []
        : await checkShares(context.effects.files, lab, context.home.root, expansion.resources);
    return {
      name: lab.name,
      resources: expansion.resources,
      diagnostics: [
        ...expansion.diagnostics,
        ...expansion.checks.failed,
        ...(files?.diagnostics ?? []),
        ...shares,
      ],
    };
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    return { name: "", resources: [], diagnostics: error.diagnostics };
  }
}

function countText(name: string, resources: readonly Resource[]): string {
  const count = (type: string, one: string, many: string): string[] => {
    const found = resources.filter((resource) => resource.type === type).length;
    return found === 0 ? [] : [`${found} ${found === 1 ? one : many}`];
  };
  const parts = [
    ...count("vm", "VM", "VMs"),
    ...count("image", "image", "images"),
    ...count("role", "role", "roles"),
    ...count("network", "network", "networks"),
    ...count("volume", "volume", "volumes"),
    ...count("secret", "secret", "secrets"),
  ];
  return parts.length === 0
    ? `The lab ${name} declares nothing yet.`
    : `The lab ${name} declares ${parts.join(", ")}.`;
}
