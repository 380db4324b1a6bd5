import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { definePower } from "../power-command.ts";

export function define(context: CommandContext): Command {
  return definePower(context, "suspend", {
    summary: "Save the memory of VMs and power them off",
    description:
      "Memory and devices are written beside the disks, then QEMU ends: the VM takes neither memory nor CPU, also over a " +
      'reboot of the host, until "vmlab resume" lets it go on where it was. Plan notes it and changes nothing. A guest that ' +
      "has a shared folder mounted cannot be saved.",
    examples: [
      { command: "vmlab suspend web", text: "one VM" },
      { command: "vmlab suspend --all", text: "all of the lab" },
    ],
  });
}
