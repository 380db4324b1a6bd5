/** Boots a throw-away VM from an image that is not in the store yet, and runs what must succeed in it. */
import { fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { CallContext, ExecResult, LabIdentity, VmProvider, VmSpec } from "../provider.ts";

export interface VerificationBoot {
  /** Instance id of the VM; durable somewhere before this is called, for {@link removeVerificationVm}. */
  readonly id: string;
  /** What is verified, for messages: `role.docker`. */
  readonly address: string;
  readonly digest: string;
  /** Login user of VMs on the image. */
  readonly user: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly disk: number;
  /** Shell commands, run as root. */
  readonly commands: readonly string[];
}

const TIMEOUTS = {
  bootMs: 300_000,
  loginMs: 120_000,
  cloudInitMs: 600_000,
  stepMs: 300_000,
  stopMs: 60_000,
} as const;

/** One command's deadline. */
const COMMAND_MS = 300_000;
/** Services may still be starting when the guest is ready: a command is tried again for that long. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 2_000;
const TAIL_LINES = 20;

/** Fails with `image/verify-failed`, and what was seen, when the image does not boot or a command fails. */
export async function verifyImage(
  effects: Pick<Effects, "clock">,
  provider: VmProvider,
  boot: VerificationBoot,
  context: CallContext,
): Promise<void> {
  const spec = vmSpec(boot);
  try {
    await bootVm(provider, boot, spec, context);
    for (const command of boot.commands) await runCommand(effects, provider, boot, command, context);
  } finally {
    await removeVerificationVm(provider, boot.id);
  }
}

/** Removes the VM under an id, whatever state it is in; none is no error. */
export async function removeVerificationVm(provider: VmProvider, id: string): Promise<void> {
  // Also when the caller was interrupted: nothing may be left.
  const context: CallContext = {
    signal: new AbortController().signal,
    progress: () => undefined,
    output: () => undefined,
  };
  await provider.stop(id, { timeoutMs: 0, force: true }, context);
  await provider.remove(id, {});
  await provider.forgetLab(labOf(id));
}

async function bootVm(
  provider: VmProvider,
  boot: VerificationBoot,
  spec: VmSpec,
  context: CallContext,
): Promise<void> {
  try {
    await provider.create(spec, context);
    await provider.start(spec, context);
    await provider.ready(spec, context);
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    const [first] = error.diagnostics;
    fail(
      {
        code: "image/verify-failed",
        summary: `a VM made from the new image of ${boot.address} did not get ready`,
        detail: [first?.summary, first?.detail].filter((text) => text !== undefined).join("\n"),
        hint: "Something in the recipe keeps the image from booting, or root or its users from logging in. The image was not kept.",
        address: boot.address,
      },
      error,
    );
  }
}

async function runCommand(
  effects: Pick<Effects, "clock">,
  provider: VmProvider,
  boot: VerificationBoot,
  command: string,
  context: CallContext,
): Promise<void> {
  context.output(`$ ${command}`);
  const until = effects.clock.now() + PATIENCE_MS;
  for (;;) {
    // Each attempt's output is collected: that of the last one is what counts.
    const result = await provider.exec(
      boot.id,
      command,
      { asRoot: true, timeoutMs: COMMAND_MS },
      { ...context, output: () => undefined },
    );
    if (result.code === 0 || effects.clock.now() >= until) {
      for (const line of outputLines(result)) context.output(line);
      if (result.code === 0) return;
      fail({
        code: "image/verify-failed",
        summary: `the new image of ${boot.address} does not pass its verification: ${command}`,
        detail: failureDetail(result),
        hint: "Mend the recipe or the command in `verify`. The image was not kept.",
        address: boot.address,
      });
    }
    await effects.clock.sleep(AGAIN_MS, context.signal);
  }
}

function failureDetail(result: ExecResult): string {
  const how =
    result.code === null ? "It was ended by its deadline" : `It ended with exit code ${result.code}`;
  const lines = outputLines(result).slice(-TAIL_LINES);
  return lines.length === 0
    ? `${how} and printed nothing.`
    : `${how}, and its output ends with:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function outputLines({ stdout, stderr }: ExecResult): readonly string[] {
  return [stdout, stderr].flatMap((text) => (text.trim() === "" ? [] : text.trimEnd().split("\n")));
}

/** A lab of its own: keys and listings of the user's labs know nothing of the VM. */
function labOf(id: string): LabIdentity {
  return { name: "verify", lineage: id, folder: "/" };
}

function vmSpec(boot: VerificationBoot): VmSpec {
  const { id, digest, user, cpus, memory, disk } = boot;
  return {
    id,
    name: "verify",
    lab: labOf(id),
    base: { digest, user },
    cpus,
    memory,
    disk,
    firmware: "bios",
    machine: "pc",
    accel: "auto",
    user,
    keys: [],
    ports: [],
    labels: {},
    env: {},
    timeouts: TIMEOUTS,
  };
}
