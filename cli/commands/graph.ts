import { type Command, Option } from "commander";
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import { buildGraph } from "../../engine/graph/dependency-graph.ts";
import { type GraphFormat, renderGraph } from "../../engine/graph/render.ts";
import { hasErrors } from "../apply-run.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandHere } from "../expand-recorded.ts";
import { addVariableOptions } from "../plan-arguments.ts";
import { type GivenVariables, openLab } from "../workspace.ts";

interface GraphOptions extends GivenVariables {
  readonly format: GraphFormat;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "graph", {
    summary: "Show what depends on what",
    description: "An arrow leads from a resource to what must be complete before it.",
    examples: [
      { command: "vmlab graph | dot -Tsvg > lab.svg", text: "a picture with Graphviz" },
      { command: "vmlab graph --format mermaid", text: "for Markdown" },
      { command: "vmlab graph --format json", text: "for programs" },
    ],
    related: ["plan", "eval"],
  }).addOption(
    new Option("--format <format>", "how to print it").choices(["dot", "mermaid", "json"]).default("dot"),
  );
  return addVariableOptions(command).action(async (options: GraphOptions) => {
    const lab = await openLab(context, options);
    const { resources, diagnostics } = await expandHere(context, lab);
    if (hasErrors(diagnostics)) throw new DiagnosticsError(diagnostics);
    context.terminal.out.write(renderGraph(buildGraph(resources), options.format, lab.name));
  });
}
