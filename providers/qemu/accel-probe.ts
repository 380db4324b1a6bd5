/**
 * Which accelerator really works. That /dev/kvm exists and opens proves nothing (nested hosts hang or crash guests),
 * so a tiny guest is run to its end under it. The answer holds until the next boot and is kept in the cache folder.
 */
import { join } from "node:path";
import { errorText, fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { PROBE_EXIT_CODE, probeDisk } from "./probe-disk.ts";
import { QEMU } from "./programs.ts";

export type Accelerator = "kvm" | "hvf" | "tcg";

export interface AccelFinding {
  readonly accel: Accelerator;
  /** True for hardware acceleration that works. */
  readonly accelerated: boolean;
  /** Why, in one sentence without a full stop; for `vmlab doctor` and for the note at the first fallback. */
  readonly reason: string;
}

/** How long a probe guest may take; under working KVM it needs 0.2 s. */
const PROBE_MS = 2_000;

/**
 * The accelerator for a declared one. VMLAB_ACCEL goes before every declaration. `auto` never fails; a hardware
 * accelerator that is asked for by name and does not work does.
 */
export async function chooseAccel(
  effects: Effects,
  home: Home,
  declared: "auto" | Accelerator,
  vm?: string,
): Promise<Accelerator> {
  const wanted = wantedAccel(effects, declared);
  if (wanted === "tcg") return "tcg";
  if (wanted === "auto") return (await probeAccel(effects, home)).accel;
  const finding = await probeOnce(effects, home, wanted);
  if (finding.accelerated) return wanted;
  return fail({
    code: "qemu/accelerator-unusable",
    ...(vm === undefined ? {} : { address: `vm.${vm}` }),
    summary: `the accelerator ${wanted} does not work on this host`,
    detail: finding.reason,
    hint: 'Set accel = "auto" to fall back to emulation, or run `vmlab doctor`.',
  });
}

/** What is asked for after VMLAB_ACCEL. */
function wantedAccel(effects: Effects, declared: "auto" | Accelerator): "auto" | Accelerator {
  const override = effects.host.env.VMLAB_ACCEL;
  if (override === undefined || override === "") return declared;
  if (override === "auto" || override === "kvm" || override === "hvf" || override === "tcg") return override;
  return fail({
    code: "host/bad-environment-variable",
    summary: `VMLAB_ACCEL is "${override}", which is no accelerator`,
    hint: "Set it to auto, kvm, hvf or tcg, or unset it.",
  });
}

/** What `auto` means here, with the reason. */
export async function probeAccel(effects: Effects, home: Home): Promise<AccelFinding> {
  const hardware = effects.host.platform === "darwin" ? "hvf" : "kvm";
  return await probeOnce(effects, home, hardware);
}

/** The finding of this boot, from the cache where it is. */
async function probeOnce(effects: Effects, home: Home, hardware: "kvm" | "hvf"): Promise<AccelFinding> {
  const file = join(home.cache, `accel-${hardware}.json`);
  const bootId = await effects.host.bootId();
  // A user who joins the group kvm, or another QEMU, must not meet the old answer.
  const program = await effects.processes.which(QEMU);
  const device = hardware === "kvm" ? await effects.files.stat("/dev/kvm") : undefined;
  const key = JSON.stringify([bootId, program, device?.mode, device?.inode, effects.host.userName()]);
  const cached = await readCache(effects, file, key);
  if (cached !== undefined) return cached;

  const reason =
    hardware === "kvm" && device === undefined
      ? "/dev/kvm does not exist: the host has no KVM, or its module is not loaded"
      : await runProbe(effects, home, hardware);
  const finding: AccelFinding =
    reason === undefined
      ? { accel: hardware, accelerated: true, reason: `a test guest ran under ${hardware.toUpperCase()}` }
      : { accel: "tcg", accelerated: false, reason };
  await effects.files.makeDir(home.cache);
  await effects.files.write(file, `${JSON.stringify({ key, finding })}\n`);
  return finding;
}

async function readCache(effects: Effects, file: string, key: string): Promise<AccelFinding | undefined> {
  try {
    const cached = JSON.parse(await effects.files.readText(file)) as {
      key?: unknown;
      finding?: AccelFinding;
    };
    return cached.key === key ? cached.finding : undefined;
  } catch {
    // None yet, or damaged: it is only a cache.
    return undefined;
  }
}

/** Runs the probe guest; undefined when it ran to its end, otherwise what went wrong. */
async function runProbe(effects: Effects, home: Home, accel: "kvm" | "hvf"): Promise<string | undefined> {
  const name = accel.toUpperCase();
  const disk = join(home.cache, `accel-probe-${effects.random.bytes(6).toString("hex")}.img`);
  await effects.files.makeDir(home.cache);
  await effects.files.write(disk, probeDisk());
  try {
    const { code, stderr, timedOut, signal } = await effects.processes.run(
      QEMU,
      probeArguments(accel, disk),
      {
        timeoutMs: PROBE_MS,
        ownGroup: true,
      },
    );
    if (code === PROBE_EXIT_CODE) return undefined;
    if (timedOut) return `a test guest did not get anywhere under ${name} within ${PROBE_MS / 1000} s`;
    const said =
      stderr
        .trim()
        .split("\n")[0]
        ?.replace(/^qemu-system-x86_64: /, "") ?? "";
    const how = signal === undefined ? `exit code ${code}` : signal;
    return `a test guest failed under ${name}: ${said === "" ? how : said}`;
  } catch (error) {
    return `a test guest could not be started: ${errorText(error)}`;
  } finally {
    await effects.files.remove(disk);
  }
}

/** Exported for tests, which run the probe guest under TCG. */
export function probeArguments(accel: Accelerator, disk: string): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-m", "16M"],
    ...["-accel", accel, "-cpu", accel === "tcg" ? "qemu64" : "host"],
    ...[
      "-blockdev",
      JSON.stringify({ driver: "file", filename: disk, "node-name": "probe-file", "read-only": true }),
    ],
    ...[
      "-blockdev",
      JSON.stringify({ driver: "raw", file: "probe-file", "node-name": "probe", "read-only": true }),
    ],
    ...["-device", "virtio-blk-pci,drive=probe,bootindex=0"],
    ...["-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
  ];
}
