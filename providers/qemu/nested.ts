/** Whether machines of this host can run machines of their own. */
import { type Diagnostic, isDiagnosticsError, problem } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { type Accelerator, chooseAccel } from "./accel-probe.ts";

/** The kernel's answer, `Y` or `1` (Linux: Documentation/virt/kvm/x86/running-nested-guests.rst). */
const PARAMETERS = [
  "/sys/module/kvm_intel/parameters/nested",
  "/sys/module/kvm_amd/parameters/nested",
] as const;

/** Undefined when a machine with this accelerator can. */
export async function nestedProblem(
  effects: Effects,
  home: Home,
  declared: "auto" | Accelerator,
): Promise<Diagnostic | undefined> {
  let accel: Accelerator;
  try {
    accel = await chooseAccel(effects, home, declared);
  } catch (error) {
    // Told elsewhere, with its own reason.
    if (isDiagnosticsError(error)) return undefined;
    throw error;
  }
  if (accel !== "kvm") {
    return refusal(
      `Its machines run with ${accel}, which gives a guest no virtualization of its own.`,
      "Use a host with working KVM, or take the role out.",
    );
  }
  for (const path of PARAMETERS) {
    const value = await effects.files.readText(path).catch(() => "");
    if (/^[Y1]/.test(value)) return undefined;
  }
  return refusal(
    "KVM works, but its module was loaded without nested virtualization.",
    "As root: modprobe -r kvm_intel; modprobe kvm_intel nested=1 (or kvm_amd), and make it stay with a file in /etc/modprobe.d.",
  );
}

function refusal(detail: string, hint: string): Diagnostic {
  return problem({
    code: "host/no-nested-virtualization",
    summary: "this host cannot run machines inside its machines",
    detail,
    hint,
  });
}
