/** Machine types: `pc` is a moving alias; a VM keeps the version that it was made with. */
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { QEMU } from "./programs.ts";

/** The versioned form of `machine`, as the installed QEMU knows it. */
export async function resolveMachine(effects: Effects, machine: string, vm: string): Promise<string> {
  const { stdout, stderr } = await effects.processes.run(QEMU, ["-machine", "help"], { timeoutMs: 30_000 });
  const types = parseMachineHelp(stdout);
  const found = types.aliases.get(machine) ?? (types.names.includes(machine) ? machine : undefined);
  if (found !== undefined) return found;
  const known = types.names.filter((name) => name.startsWith("pc-i440fx-"));
  return fail({
    code: "qemu/unknown-machine-type",
    address: `vm.${vm}`,
    summary: `the installed QEMU has no machine type "${machine}"`,
    detail: known.length === 0 ? stderr.trim() : `It has ${known.join(", ")}.`,
    hint: 'Use machine = "pc", or install a QEMU that still has this version.',
  });
}

/** Reads `qemu -machine help`: `pc   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)`. */
export function parseMachineHelp(text: string): { names: string[]; aliases: Map<string, string> } {
  const names: string[] = [];
  const aliases = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name] = /^(\S+) +\S/.exec(line) ?? [];
    if (name === undefined || line.startsWith("Supported")) continue;
    const alias = /\(alias of (\S+)\)/.exec(line)?.[1];
    if (alias === undefined) names.push(name);
    else aliases.set(name, alias);
  }
  return { names, aliases };
}
