import { type Command, InvalidArgumentError } from "commander";
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import { exportVm } from "../../engine/operate/export-vm.ts";
import type { ExportedImage, ExportOptions } from "../../providers/provider.ts";
import { hasErrors, recoverFirst } from "../apply-run.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { expandHere } from "../expand-recorded.ts";
import { declareExport, requireEditable, tellExport, type Written } from "../export-result.ts";
import { type Declared, requireDeclarable } from "../image-declaration.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { instanceOf } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { recorded } from "../operation-recorder.ts";
import { addVariableOptions, duration } from "../plan-arguments.ts";
import { runReporter } from "../run-reporter.ts";
import { type GivenVariables, openWorkspace } from "../workspace.ts";

interface ExportArguments extends GivenVariables {
  readonly live?: boolean;
  readonly fromSnapshot?: string;
  readonly compress: ExportOptions["compress"];
  readonly flatten?: boolean;
  readonly crashConsistent?: boolean;
  /** False with --no-seal. */
  readonly seal: boolean;
  /** False with --no-verify. */
  readonly verify: boolean;
  readonly yes?: boolean;
  readonly autoApprove?: boolean;
  readonly lockTimeout: number;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "export", {
    summary: "Make an image of a VM",
    description:
      "Copies the VM's disk into the image store, seals the copy (machine-id, host keys, logs and cloud-init's memory go; " +
      "users and their homes stay), boots a throw-away VM from it, and writes [images.IMAGE] into lab.toml. The VM stays as " +
      "it is. It has to be shut down; with --live it goes on running, and its file systems stand still for a moment. The " +
      "image is a thin layer on the VM's own image, or stands alone with --flatten.",
    examples: [
      { command: "vmlab export web web-base", text: "of a VM that is off" },
      { command: "vmlab export web web-base --live", text: "of a running one" },
      { command: "vmlab export web web-base --flatten", text: "for use without the image below" },
      { command: "vmlab export web web-base --live --yes", text: "again: takes the former one's place" },
    ],
    related: ["images", "snapshot", "create"],
  });
  command
    .argument("<vm>", "name of the VM")
    .argument("<image>", "name of the image in lab.toml")
    .option("--live", "also while the VM runs; needs qemu-guest-agent in it")
    .option("--from-snapshot <name>", "what a snapshot holds, instead of the disk as it is now")
    .option("--compress <how>", "zstd, zlib or none", compression, "zstd")
    .option("--flatten", "make it stand alone instead of on the VM's image")
    .option("--crash-consistent", "take the disk as a power cut would leave it")
    .option("--no-seal", "leave the VM's identity in the image")
    .option("--no-verify", "do not boot a VM from the image")
    .option("-y, --yes", "do not ask")
    .option("--auto-approve", "the same as --yes")
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print events as JSON, one a line");
  return addVariableOptions(command).action(async (vm: string, image: string, options: ExportArguments) => {
    context.exitCode = await exportCommand(context, vm, image, options);
  });
}

function compression(value: string): ExportOptions["compress"] {
  if (value === "zstd" || value === "zlib" || value === "none") return value;
  throw new InvalidArgumentError("Choose zstd, zlib or none.");
}

async function exportCommand(
  context: CommandContext,
  vm: string,
  name: string,
  options: ExportArguments,
): Promise<number> {
  const reporter = runReporter(context, { json: options.json === true });
  const workspace = await openWorkspace(context, options, reporter.events);
  const { diagnostics } = await expandHere(context, workspace.lab);
  if (hasErrors(diagnostics)) throw new DiagnosticsError(diagnostics);
  const record = chosenVm(await workspace.store.read(), vm);
  instanceOf(record);
  const declared = requireDeclarable(workspace.lab, name);
  await requireEditable(context, options, name, declared);
  if (!(await agreed(context, name, declared, options))) return 1;
  await recoverFirst(context, reporter, workspace, {
    command: "export",
    lockTimeoutMs: options.lockTimeout,
  });
  reporter.widen([record.address]);
  const interrupts = listenForInterrupts(context.terminal, reporter.say);
  let written: Written | undefined;
  const request = {
    vm: record.name,
    options: exportOptions(name, options),
    command: "export",
    lockTimeoutMs: options.lockTimeout,
    signal: interrupts.graceful,
    declare: async (image: ExportedImage) => {
      written = await declareExport(context, options, name, declared, image);
    },
  };
  await reporter.open();
  try {
    const outcome = await recorded(
      context,
      { kind: "export", lab: workspace.lab, interrupts, events: reporter.events },
      (events) => exportVm({ ...workspace, events }, request),
      (result) => ({
        failures: result.state === "failed" ? result.diagnostics : [],
        interrupted: interrupts.graceful.aborted,
      }),
    );
    if (outcome.state === "failed" || written === undefined) return 1;
    reporter.close();
    return await tellExport(context, reporter, {
      name,
      image: outcome.image,
      written,
      declared,
      sealed: options.seal,
      json: options.json === true,
    });
  } finally {
    reporter.close();
    interrupts.release();
  }
}

function exportOptions(name: string, options: ExportArguments): ExportOptions {
  return {
    name,
    live: options.live === true,
    ...(options.fromSnapshot === undefined ? {} : { snapshot: options.fromSnapshot }),
    crashConsistent: options.crashConsistent === true,
    compress: options.compress,
    flatten: options.flatten === true,
    seal: options.seal,
    verify: options.verify,
  };
}

async function agreed(
  context: CommandContext,
  name: string,
  declared: Declared,
  options: ExportArguments,
): Promise<boolean> {
  if (declared.state === "free") return true;
  const question =
    `image.${name} is ${declared.digest.slice(0, 19)}… now. Let the export take its place? ` +
    "VMs on it are replaced by the next apply.";
  return await confirm(context, question, {
    yes: options.yes === true || options.autoApprove === true,
    what: "export",
    json: options.json === true,
  });
}
