/** What a failure shows of the machine itself. */
import type { Effects } from "../../engine/effects.ts";
import { consoleTail } from "./console-log.ts";
import { readMachineLog } from "./machine-log.ts";
import type { Runtime, VmFolder } from "./vm-folder.ts";

const CONSOLE_LINES = 15;

/** The tail of this start's serial console and QEMU's own last messages, as paragraphs of a diagnostic's detail. */
export async function machineEvidence(
  effects: Effects,
  folder: VmFolder,
  runtime: Runtime | undefined,
): Promise<string[]> {
  const tail = (await consoleTail(effects, folder, 200, runtime?.consoleOffset ?? 0)).filter(
    (l) => l.trim() !== "",
  );
  const messages = (await readMachineLog(effects, folder)).messages.slice(-5);
  return [
    tail.length === 0
      ? "The serial console is empty: nothing on the disk wrote to it, perhaps because nothing booted."
      : `The serial console ends with:\n${indent(tail.slice(-CONSOLE_LINES))}`,
    ...(messages.length === 0 ? [] : [`QEMU said:\n${indent(messages)}`]),
  ];
}

/** Lines set off from the text around them. */
export function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
