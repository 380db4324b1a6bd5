/** Doctor's look at the host: QEMU, KVM, programs, space, limits, what vmlab keeps there. */
import { join } from "node:path";
import { errorText, isDiagnosticsError } from "../../engine/diagnostics.ts";
import { readHostConfig } from "../../engine/host/host-config.ts";
import { formatSize } from "../../engine/units.ts";
import type { CommandContext } from "../context.ts";
import { examineQemu } from "../workspace.ts";
import { type Finding, ok, trouble } from "./finding.ts";

export async function examineHost(context: CommandContext): Promise<Finding[]> {
  return [
    ...(await qemuFindings(context)),
    ...(await programFindings(context)),
    ...(await limitFindings(context)),
    ...(await spaceFindings(context)),
    ...(await ledgerFindings(context)),
  ];
}

async function qemuFindings(context: CommandContext): Promise<Finding[]> {
  const { accel, version, uefi, problems } = await examineQemu(context);
  const findings = problems.map(({ code, summary, detail, hint }) =>
    trouble("error", code, summary, { detail, remedy: hint ?? "Install it." }),
  );
  if (version === undefined) return findings;
  findings.push(ok("qemu/version", `QEMU ${version}`));
  findings.push(
    accel.accelerated
      ? ok("host/kvm", `${accel.accel.toUpperCase()} works: ${accel.reason}`)
      : trouble(
          "warning",
          "host/kvm",
          "no hardware acceleration: VMs are emulated (TCG), about ten times slower",
          {
            detail: accel.reason,
            remedy:
              context.effects.host.platform === "darwin"
                ? "Run vmlab on a Mac whose QEMU was built with HVF."
                : "Switch virtualization on in the firmware (or nested virtualization in the outer host), load kvm_intel or kvm_amd, and join the group kvm.",
          },
        ),
  );
  if (!uefi) {
    findings.push(
      trouble("warning", "host/uefi", "no UEFI firmware is installed", {
        remedy: `Needed only for VMs with firmware = "uefi". Debian, Ubuntu: apt install ovmf.`,
      }),
    );
  }
  return findings;
}

/** Programs that only some labs need. */
const OPTIONAL: Readonly<Record<string, string>> = {
  mmdebstrap: "Needed to bootstrap images. Debian, Ubuntu: apt install mmdebstrap.",
  xz: "Needed for images compressed with xz. Debian, Ubuntu: apt install xz-utils.",
  zstd: "Needed for images compressed with zstd. Debian, Ubuntu: apt install zstd.",
};

async function programFindings(context: CommandContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [program, remedy] of Object.entries(OPTIONAL)) {
    const path = await context.effects.processes.which(program);
    findings.push(
      path === undefined
        ? trouble("warning", "host/program", `${program} is not installed`, { remedy })
        : ok("host/program", `${program} is installed`),
    );
  }
  return findings;
}

async function limitFindings(context: CommandContext): Promise<Finding[]> {
  const { effects, home } = context;
  try {
    const { limits } = await readHostConfig(effects, home);
    const memory = await effects.host.memory();
    const cpus = limits.cpus ?? effects.host.cpus() * 4;
    const findings = [
      ok(
        "host/limits",
        `limits: ${cpus} vCPUs, memory ${formatSize(limits.memory ?? memory.total - limits.memoryReserve)} (${formatSize(memory.available)} available now)`,
      ),
    ];
    if (memory.available < limits.memoryReserve) {
      findings.push(
        trouble("warning", "host/memory", `only ${formatSize(memory.available)} of memory are available`, {
          remedy: "Stop VMs or other programs, or lower limits.memory_reserve in config.toml.",
        }),
      );
    }
    return findings;
  } catch (error) {
    return [configTrouble(error, home.configFile)];
  }
}

function configTrouble(error: unknown, file: string): Finding {
  const first = isDiagnosticsError(error) ? error.diagnostics[0] : undefined;
  return trouble("error", "host/config", `${file} cannot be used: ${first?.summary ?? errorText(error)}`, {
    detail: first?.detail,
    remedy: first?.hint ?? `Mend the file, or move it away: every setting has a default.`,
  });
}

/** Less than this is trouble before long. */
const LITTLE_SPACE = 2 * 1024 ** 3;

async function spaceFindings(context: CommandContext): Promise<Finding[]> {
  const { effects, home } = context;
  const { free } = await effects.host.disk(home.root);
  if (free >= LITTLE_SPACE) return [ok("host/disk", `${formatSize(free)} of disk are free (${home.root})`)];
  return [
    trouble("error", "host/disk", `only ${formatSize(free)} of disk are free (${home.root})`, {
      remedy: `"vmlab trash empty" removes deleted VMs for good. VMLAB_HOME can lie on another disk.`,
    }),
  ];
}

/** Each file must be JSON: what a lab uses of this host is counted from them. */
async function ledgerFindings(context: CommandContext): Promise<Finding[]> {
  const { files } = context.effects;
  const { labs } = context.home;
  const names = (await files.list(labs)).filter((name) => name.endsWith(".json"));
  const findings: Finding[] = [];
  for (const name of names) {
    const path = join(labs, name);
    try {
      JSON.parse(await files.readText(path));
    } catch (error) {
      findings.push(
        trouble("error", "host/ledger", `${path} is damaged`, {
          detail: errorText(error),
          remedy: `Move it away and run "vmlab apply" in its lab: it writes the file anew.`,
        }),
      );
    }
  }
  return findings.length > 0 || names.length === 0
    ? findings
    : [ok("host/ledger", `${names.length} ${names.length === 1 ? "lab uses" : "labs use"} this host`)];
}
