/** Boots a throw-away VM from the finished disk: what does not get ready here would not get ready for anybody. */
import { fail, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { formatSize } from "../../../engine/units.ts";
import { removeVerificationVm } from "../../packer/verify-image.ts";
import type { CallContext, VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { qemuProvider } from "../index.ts";
import type { VmRecord } from "../vm-folder.ts";
import type { DiskWork } from "./disk-tools.ts";

const MEMORY_BYTES = 2 ** 30;
/** What QEMU itself needs on top, generously. */
const QEMU_BYTES = 2 ** 28;

/** Fails when a machine to boot the image in would not fit, before anything is done. */
export async function requireMemory({ effects }: QemuContext, work: DiskWork): Promise<void> {
  const { available } = await effects.host.memory();
  if (available >= MEMORY_BYTES + QEMU_BYTES) return;
  fail({
    code: "host/not-enough-memory",
    address: work.address,
    summary: `booting the image once to verify it takes ${formatSize(MEMORY_BYTES)} of memory, and ${formatSize(available)} are free`,
    hint: "Stop other VMs, or leave the verification out with --no-verify.",
  });
}

export interface BootableImage {
  readonly digest: string;
  /** Path of its disk, which is not in the store yet. */
  readonly disk: string;
  readonly name: string;
  /** Virtual size in bytes. */
  readonly size: number;
}

/** `id` is that of the throw-away VM, durable somewhere already: a crash leaves nothing that is not found again. */
export async function verifyBoot(
  context: QemuContext,
  work: DiskWork,
  vm: Pick<VmRecord, "firmware" | "machine" | "user">,
  image: BootableImage,
  id: string,
): Promise<void> {
  const { effects } = context;
  const { call } = work;
  const machines = qemuProvider({
    ...context,
    imageDisk: (digest) => (digest === image.digest ? image.disk : context.imageDisk(digest)),
  });
  const spec: VmSpec = {
    id,
    name: image.name,
    lab: { name: "verify", lineage: id, folder: "/" },
    base: { digest: image.digest, user: vm.user },
    cpus: Math.min(2, effects.host.cpus()),
    memory: MEMORY_BYTES,
    disk: image.size,
    firmware: vm.firmware,
    machine: vm.machine,
    accel: "auto",
    user: vm.user,
    keys: [],
    ports: [],
    labels: {},
    env: {},
    timeouts: { bootMs: 300_000, loginMs: 120_000, cloudInitMs: 600_000, stepMs: 60_000, stopMs: 60_000 },
  };
  const told: CallContext = { ...call, progress: (phase) => call.progress(`verifying: ${phase}`) };
  try {
    await machines.create(spec, told);
    await machines.start(spec, told);
    await machines.ready(spec, told);
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    const [first] = error.diagnostics;
    fail(
      {
        code: "image/export-not-verified",
        address: work.address,
        summary: `a VM on the finished image does not get ready: ${first?.summary ?? "for no known reason"}`,
        ...(first?.detail === undefined ? {} : { detail: first.detail }),
        hint: "Nothing was exported, and the VM is as it was. --no-verify exports without this.",
      },
      error,
    );
  } finally {
    // Nothing in it is worth a shutdown.
    await removeVerificationVm(machines, id);
  }
}
