/** What this host lacks for the VMs of a plan. */
import { type Diagnostic, isDiagnosticsError, problem } from "../../engine/diagnostics.ts";
import type { VmSpec } from "../provider.ts";
import { chooseAccel } from "./accel-probe.ts";
import type { QemuContext } from "./context.ts";
import { findUefi, noUefi } from "./firmware.ts";
import { nestedProblem } from "./nested.ts";
import { QEMU, QEMU_IMG } from "./programs.ts";
import { isoProgram, noIsoProgram } from "./seed-iso.ts";

/** Older ones lack options that the command line uses. */
const OLDEST = [6, 0] as const;

const PACKAGES: Readonly<Record<string, string>> = {
  [QEMU]:
    "Debian, Ubuntu: apt install qemu-system-x86. Fedora: dnf install qemu-system-x86. macOS: brew install qemu.",
  [QEMU_IMG]:
    "Debian, Ubuntu: apt install qemu-utils. Fedora: dnf install qemu-img. macOS: brew install qemu.",
  ssh: "Debian, Ubuntu: apt install openssh-client. Fedora: dnf install openssh-clients.",
  "ssh-keygen": "Debian, Ubuntu: apt install openssh-client. Fedora: dnf install openssh.",
  openssl: "Debian, Ubuntu: apt install openssl. Fedora: dnf install openssl. macOS: brew install openssl.",
};

/** Problems that would make VMs fail; empty when there are none. */
export async function checkHost(
  context: QemuContext,
  needs: {
    readonly uefi: boolean;
    readonly accels: readonly string[];
    readonly nested: readonly VmSpec["accel"][];
  },
): Promise<readonly Diagnostic[]> {
  const { effects, home } = context;
  const found: Diagnostic[] = [];
  for (const [program, hint] of Object.entries(PACKAGES)) {
    if ((await effects.processes.which(program)) !== undefined) continue;
    const code = program === QEMU ? "qemu/missing" : "host/missing-program";
    found.push(
      problem({ code, summary: `${program} is not installed`, detail: `It was not found on PATH.`, hint }),
    );
  }
  if ((await isoProgram(effects)) === undefined) found.push(problem(noIsoProgram));
  if (needs.uefi && (await findUefi(effects)) === undefined) found.push(problem(noUefi));
  if (found.some((d) => d.code === "qemu/missing")) return found;

  const version = await qemuVersion(context);
  if (version === undefined || isOlder(version, OLDEST)) {
    found.push(
      problem({
        code: "qemu/too-old",
        summary: `the installed QEMU is too old: ${version?.join(".") ?? "its version cannot be read"}`,
        detail: `vmlab needs QEMU ${OLDEST.join(".")} or newer.`,
        hint: "Install a newer QEMU; Debian 12 and Ubuntu 22.04 have one that is new enough.",
      }),
    );
    return found;
  }
  for (const accel of new Set(needs.accels)) {
    if (accel !== "kvm" && accel !== "hvf") continue;
    try {
      await chooseAccel(effects, home, accel);
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      found.push(...error.diagnostics);
    }
  }
  for (const accel of new Set(needs.nested)) {
    const lacking = await nestedProblem(effects, home, accel);
    if (lacking !== undefined) found.push(lacking);
  }
  return found;
}

/** Version of the installed QEMU, such as [7, 2, 22]; undefined when it cannot be told. */
export async function qemuVersion({ effects }: QemuContext): Promise<readonly number[] | undefined> {
  const { stdout } = await effects.processes.run(QEMU, ["--version"], { timeoutMs: 30_000 });
  return parseQemuVersion(stdout);
}

/** Reads `QEMU emulator version 7.2.22 (Debian …)`. */
export function parseQemuVersion(text: string): readonly number[] | undefined {
  const match = /version (\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  for (const [i, wanted] of than.entries()) {
    const part = version[i] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
