/** Runs the sealing appliance on a disk. */
import { fail } from "../../../engine/diagnostics.ts";
import { chooseAccel } from "../accel-probe.ts";
import { EMULATED_CPU } from "../command-line.ts";
import type { QemuContext } from "../context.ts";
import { indent } from "../evidence.ts";
import { QEMU } from "../programs.ts";
import { type Appliance, cannotSeal, forgetAppliance } from "./appliance.ts";
import type { DiskWork } from "./disk-tools.ts";

/** Six to nine seconds under emulation on a quiet machine; a big disk with much to trim takes longer. */
const SEAL_MS = 600_000;
const MEMORY_MIB = 512;
const TAIL_LINES = 15;
/** Said by a kernel that counted too few ticks of an emulated timer. */
const TIMER_PANIC = "IO-APIC + timer doesn't work";
const MOST_BOOTS = 3;
const FAILED = "failed: ";
/** What appliance-init.sh begins its own lines with. */
const OWN_LINE = /vmlab-seal: (.*)$/;

/** As lab.toml names distributions and releases; what has no number has no name there. */
const OS_LINE = /^os ([a-z]+-[0-9]+(?:\.[0-9]+)*)$/;

export interface Sealed {
  /** Distribution and release of what is on the disk, such as `debian-12`, where it says so. */
  readonly os?: string;
}

/** What a run of the appliance said. */
interface Said {
  /** Its own lines. */
  readonly own: readonly string[];
  readonly console: readonly string[];
  /** Why QEMU did not end well; undefined when it did. */
  readonly trouble?: string;
}

/** Boots the appliance with `disk`, a qcow2 of which it changes the contents, and waits until it powers off. */
export async function sealDisk(
  context: QemuContext,
  work: DiskWork,
  appliance: Appliance,
  disk: string,
): Promise<Sealed> {
  const { effects, home } = context;
  const accel = await chooseAccel(effects, home, "auto");
  work.call.progress("sealing the copy");
  const args = applianceArguments(appliance, disk, accel);
  let said = await runOnce(work, args);
  // Chance, not the image, makes that panic, on a busy host; nothing was mounted yet.
  for (let again = 1; again < MOST_BOOTS && said.console.some((line) => line.includes(TIMER_PANIC)); again++)
    said = await runOnce(work, args);
  const failure = said.own.find((line) => line.startsWith(FAILED))?.slice(FAILED.length);
  if (failure !== undefined) cannotSeal(work, failure);
  const os = said.own.map((line) => OS_LINE.exec(line)?.[1]).find((found) => found !== undefined);
  if (said.trouble === undefined && said.own.includes("sealed")) return os === undefined ? {} : { os };
  // What was taken out of the image may be what is wrong.
  await forgetAppliance(context, appliance.bottom);
  const tail = said.console.slice(-TAIL_LINES);
  return fail({
    code: "image/cannot-seal",
    address: work.address,
    summary: `the copy of ${work.address} cannot be sealed: the machine that does it ${said.trouble ?? "ended without a word"}`,
    detail: tail.length === 0 ? "It printed nothing." : `Its console ends with:\n${indent(tail)}`,
    hint: "The VM is as it was. Leave sealing out with --no-seal, and remove in the VM what must not be in the image.",
  });
}

async function runOnce({ effects, call, env }: DiskWork, args: readonly string[]): Promise<Said> {
  const own: string[] = [];
  const console: string[] = [];
  const { code, stderr, timedOut } = await effects.processes.run(QEMU, args, {
    signal: call.signal,
    env,
    ownGroup: true,
    timeoutMs: SEAL_MS,
    onLine: (line, stream) => {
      const said = OWN_LINE.exec(line)?.[1];
      if (said !== undefined && stream === "stdout") own.push(said);
      if (line.trim() !== "") console.push(line);
    },
  });
  if (timedOut) return { own, console, trouble: `was not done after ${SEAL_MS / 60_000} minutes` };
  if (code !== 0) return { own, console, trouble: `could not be run: ${stderr.trim()}` };
  return { own, console };
}

/** Exported for tests. */
export function applianceArguments(
  { kernel, initrd }: Pick<Appliance, "kernel" | "initrd">,
  disk: string,
  accel: string,
): string[] {
  const node = (options: Record<string, string>): string => JSON.stringify(options);
  return [
    ...["-name", "guest=vmlab-seal"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-machine", "pc", "-accel", accel === "tcg" ? "tcg,thread=multi" : accel],
    ...["-cpu", accel === "tcg" ? EMULATED_CPU : "host", "-smp", "1", "-m", `${MEMORY_MIB}M`],
    ...["-kernel", kernel, "-initrd", initrd],
    // panic=-1: a kernel that finds nothing to run ends the machine at once.
    ...["-append", "console=ttyS0 quiet panic=-1 mitigations=off rdinit=/vmlab-init"],
    ...["-blockdev", node({ driver: "file", filename: disk, "node-name": "disk-file", discard: "unmap" })],
    ...["-blockdev", node({ driver: "qcow2", file: "disk-file", "node-name": "disk", discard: "unmap" })],
    // A full host disk is an error in the guest, which then says so: nobody is there to let a paused one go on.
    ...["-device", "virtio-blk-pci,drive=disk,werror=report,rerror=report"],
    ...["-serial", "stdio"],
  ];
}
