/** A QEMU provider with a home of its own, for tests on real machines. What it started is stopped by dispose. */
import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Diagnostic, isDiagnosticsError } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../../engine/home.ts";
import type { CallContext, VmObservation, VmProvider, VmSpec } from "../../../providers/provider.ts";
import { qemuProvider } from "../../../providers/qemu/index.ts";
import { vmFolder } from "../../../providers/qemu/vm-folder.ts";

export const MiB = 2 ** 20;

export interface ProviderRig {
  readonly effects: Effects;
  readonly home: Home;
  readonly provider: VmProvider;
  /** Phases and output lines, as they came. */
  readonly told: string[];
  readonly call: CallContext;
  /** A spec of a small VM on the guest; ids are counted. */
  spec(changes?: Partial<VmSpec>): VmSpec;
  observe(id: string): Promise<VmObservation>;
  /** Resolves with the observation once it is of this state. */
  until(id: string, state: VmObservation["state"]): Promise<VmObservation>;
  /** Pid of a VM's QEMU, from its pid file. */
  pid(id: string): Promise<number>;
  dispose(): Promise<void>;
}

/** `disk` is copied and made read-only, as the image store keeps its own. */
export async function providerRig(disk: string): Promise<ProviderRig> {
  const root = await mkdtemp(join(tmpdir(), "vq-"));
  const base = join(root, "base.qcow2");
  await copyFile(disk, base);
  await chmod(base, 0o444);
  const real = nodeEffects();
  // The tester's own keys do not belong into test guests; the accelerator is TCG everywhere.
  const effects: Effects = {
    ...real,
    host: { ...real.host, env: { ...real.host.env, HOME: root, VMLAB_ACCEL: "tcg" } },
  };
  const home = homeFrom({ VMLAB_HOME: join(root, "home") });
  const provider = qemuProvider({ effects, home, imageDisk: () => base });
  const told: string[] = [];
  const abort = new AbortController();
  const call: CallContext = {
    signal: abort.signal,
    progress: (phase) => told.push(phase),
    output: (line) => told.push(line),
  };
  const ids: string[] = [];
  const observe = async (id: string): Promise<VmObservation> => {
    const found = (await provider.read([id])).get(id);
    if (found === undefined) throw new Error(`no observation of ${id}`);
    return found;
  };
  return {
    effects,
    home,
    provider,
    told,
    call,
    observe,
    spec: (changes = {}) => {
      const id = changes.id ?? `0000000000${(ids.length + 16).toString(16)}`;
      ids.push(id);
      return {
        id,
        name: "web",
        lab: { name: "demo", lineage: "00112233aabbccdd", folder: root },
        base: { digest: "sha256:tiny", user: "lab" },
        cpus: 1,
        memory: 128 * MiB,
        disk: 64 * MiB,
        firmware: "bios",
        machine: "pc",
        accel: "auto",
        user: "lab",
        keys: [],
        ports: [],
        labels: {},
        env: {},
        timeouts: { bootMs: 60_000, loginMs: 30_000, cloudInitMs: 30_000, stepMs: 60_000, stopMs: 60_000 },
        ...changes,
      };
    },
    until: async (id, state) => {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const found = await observe(id);
        if (found.state === state || Date.now() > deadline) return found;
        await effects.clock.sleep(100);
      }
    },
    pid: async (id) => Number(await effects.files.readText(vmFolder(home, id).pidFile)),
    dispose: async () => {
      for (const id of ids) await provider.stop(id, { timeoutMs: 0, force: true }, call);
      abort.abort();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The diagnostics that `work` fails with. */
export async function diagnosticsOf(work: Promise<unknown>): Promise<readonly Diagnostic[]> {
  try {
    await work;
  } catch (error) {
    if (isDiagnosticsError(error)) return error.diagnostics;
    throw error;
  }
  throw new Error("it did not fail");
}
