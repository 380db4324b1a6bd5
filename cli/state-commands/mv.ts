import type { Command } from "commander";
import { fail } from "../../engine/diagnostics.ts";
import { renameResources } from "../../engine/state/rename-resources.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { requireResource, withLockedState } from "../state-access.ts";

export function defineMove(context: CommandContext): Command {
  return defineCommand(context, "state mv", {
    summary: "Give a resource another address",
    description:
      "After renaming a table in lab.toml by hand, so that the next apply does not delete and make it anew. The machine " +
      "itself is not touched; what lab.toml says of the new name is planned as usual. A [[moved]] in lab.toml does the " +
      "same for everybody who has the lab.",
    examples: [{ command: "vmlab state mv vm.frontend vm.web", text: "after renaming [vms.frontend]" }],
  })
    .argument("<from>", "address in the state")
    .argument("<to>", "the new address, of the same type")
    .action(async (from: string, to: string) => {
      await withLockedState(context, "state mv", async (locked, state) => {
        const resource = requireResource(state, from);
        requireAddress(resource, to);
        if (Object.hasOwn(state.resources, to)) {
          fail({
            code: "state/address-taken",
            summary: `${to} exists`,
            hint: "The new address must be free.",
          });
        }
        if (Object.values(state.intents).some((intent) => intent.address === from)) {
          fail({
            code: "state/pending-intent",
            summary: `an operation on ${from} was interrupted`,
            hint: `Run "vmlab apply" first: it finishes or undoes it.`,
          });
        }
        await locked.replace({
          ...state,
          resources: renameResources(state.resources, new Map([[from, to]])),
        });
      });
      context.terminal.out.write(`${from} is ${to} now.\n`);
    });
}

function requireAddress(resource: ResourceState, to: string): void {
  const match = /^([a-z]+)\.([a-z](?:[a-z0-9_-]*[a-z0-9])?)$/.exec(to);
  if (match?.[1] === resource.type && match[2] !== undefined && match[2].length <= 40) return;
  fail({
    code: "state/bad-address",
    summary: `"${to}" is not an address of a ${resource.type}`,
    hint: `Write ${resource.type}.NAME.`,
  });
}
