/** A base image from a distribution's own packages: mmdebstrap, a file system, a boot loader, a disk. */
import { join } from "node:path";
import type { ImageInputs } from "../../../engine/config/types.ts";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { CallContext } from "../../provider.ts";
import { aptSources } from "./apt-sources.ts";
import { assembleDisk } from "./assemble-disk.ts";
import { writeHooks } from "./build-folder.ts";
import { diskLayout } from "./disk-layout.ts";
import { bootstrapHost } from "./host-programs.ts";
import { MMDEBSTRAP_STEPS, mmdebstrapPhase } from "./mmdebstrap-phases.ts";
import { bootstrapPackages } from "./recipe.ts";
import {
  isolatedCall,
  makeRootFilesystem,
  mmdebstrapArguments,
  type RootFolders,
  readFromRoot,
  rootTarget,
} from "./root-filesystem.ts";
import { runTool } from "./run-tool.ts";

export type BootstrapInputs = NonNullable<ImageInputs["bootstrap"]>;

/** File system, disk and conversion after mmdebstrap. */
const STEPS = MMDEBSTRAP_STEPS + 3;
/** What the packages of a base image take, roughly: a smaller disk fails late. */
const SMALLEST_DISK_BYTES = 1280 * 1024 * 1024;
/** The tree, its archive, the file system and the disk exist side by side for a while. */
const WORK_BYTES = 4 * 1024 * 1024 * 1024;

/** Name of a build's folder in its workplace. */
export const BOOTSTRAP_FOLDER = "bootstrap";

/** Folders that a build without root needs outside of VMLAB_HOME, where nobody else may look. */
export function bootstrapFolders(
  effects: Pick<Effects, "host">,
  inside: string,
  id: string,
): RootFolders & { readonly outside: readonly string[] } {
  if (effects.host.isRoot) return { work: join(inside, BOOTSTRAP_FOLDER), namespace: "", outside: [] };
  const work = join(effects.host.env.TMPDIR || "/var/tmp", `vmlab-bootstrap-${id}`);
  const namespace = `${work}.ns`;
  return { work, namespace, outside: [work, namespace] };
}

/**
 * Builds the image into `target` (qcow2). Nothing is left of a failure but what lies in `folders`, which the caller
 * removes. Resolves with the release that was installed, such as `12.12`.
 */
export async function buildBootstrap(
  effects: Effects,
  inputs: BootstrapInputs,
  options: { address: string; folders: RootFolders; target: string; context: CallContext },
): Promise<{ readonly release: string }> {
  const { address, folders, target, context } = options;
  const { signal } = context;
  const call = { address, signal };
  if (inputs.size < SMALLEST_DISK_BYTES) {
    fail({
      code: "image/too-small",
      summary: `${address}: a bootstrapped image needs a disk of at least 1280 MiB`,
      hint: "Give bootstrap.size a larger value, or leave it out: 2GiB is the default, and VMs grow it to their own size.",
      address,
    });
  }
  const step = (done: number, phase: string): void =>
    context.progress(phase, { unit: "steps", done, total: STEPS });
  const host = await bootstrapHost(effects, inputs.distribution, address);
  await requireSpace(effects, folders.work, address);

  step(0, "preparing");
  await effects.files.makeDir(folders.work, { mode: 0o755 });
  const uuid = randomUuid(effects.random.bytes(16));
  const hooks = await writeHooks(effects, folders.work, uuid);
  const sources = await aptSources(effects, inputs, signal);
  const args = mmdebstrapArguments(
    {
      suite: inputs.suite,
      sources,
      packages: bootstrapPackages(inputs.distribution, inputs.suite, inputs.packages),
      prepareHook: hooks.prepare,
      customizeHook: hooks.customize,
    },
    host.mode,
    rootTarget(folders, host.mode),
  );
  const [program, ...isolated] = isolatedCall(host, args);
  await runTool(effects, program, isolated, {
    ...call,
    doing: `installing ${inputs.distribution} ${inputs.suite}`,
    hint: "Check the suite's name, the names of further packages, and that the mirror can be reached.",
    // Its trees would else go to /tmp, which may be small.
    env: { TMPDIR: folders.work },
    onLine: (line) => {
      context.output(line);
      const begun = mmdebstrapPhase(line);
      if (begun !== undefined) step(begun.step, begun.phase);
    },
  });

  step(MMDEBSTRAP_STEPS, "making the root file system");
  const read = (path: string): Promise<Buffer> => readFromRoot(effects, host, folders, path, call);
  const layout = diskLayout(inputs.size);
  const bootImage = await read("/boot/grub/i386-pc/boot.img");
  const coreImage = await read("/boot/grub/i386-pc/core.img");
  const efiProgram = await read("/boot/grub/x86_64-efi/grubx64.efi");
  const release = await installedRelease(inputs.distribution, read);
  const root = await makeRootFilesystem(effects, host, folders, { ...call, uuid, size: layout.rootSize });

  step(MMDEBSTRAP_STEPS + 1, "writing the disk");
  const parts = { root, bootImage, coreImage, efiProgram };
  const disk = await assembleDisk(effects, host, { ...call, folder: folders.work, layout, parts });
  step(MMDEBSTRAP_STEPS + 2, "converting to qcow2");
  await runTool(effects, host.programs["qemu-img"], ["convert", "-f", "raw", "-O", "qcow2", disk, target], {
    ...call,
    doing: "converting the disk to qcow2",
  });
  return { release };
}

/**
 * Removes a build's folder, also what belongs to the namespace's users, but nothing that is mounted in it. Resolves
 * with whether it is gone; a missing one is.
 */
export async function removeBootstrapFolder(
  effects: Pick<Effects, "files" | "processes" | "host">,
  folder: string,
): Promise<boolean> {
  if ((await effects.files.stat(folder)) === undefined) return true;
  const rm = ["rm", "--recursive", "--force", "--one-file-system", "--"] as const;
  if (!effects.host.isRoot) {
    const inner = (await effects.files.list(folder)).map((name) => join(folder, name));
    // Fails on what is ours, which comes next.
    await effects.processes
      .run("mmdebstrap", ["--unshare-helper", ...rm, folder, ...inner])
      .catch(() => undefined);
  }
  const [program, ...args] = rm;
  await effects.processes.run(program, [...args, folder]);
  return (await effects.files.stat(folder)) === undefined;
}

async function requireSpace(effects: Pick<Effects, "host">, folder: string, address: string): Promise<void> {
  const { free } = await effects.host.disk(folder);
  if (free >= WORK_BYTES) return;
  fail({
    code: "image/no-space",
    summary: `${address}: bootstrapping needs 4 GiB of free disk space`,
    detail: `${folder} has ${Math.floor(free / (1024 * 1024))} MiB free.`,
    hint: "Free some space, for instance with `vmlab trash empty`.",
    address,
  });
}

/** Debian's point release; Ubuntu's version with its point release. */
async function installedRelease(
  distribution: BootstrapInputs["distribution"],
  read: (path: string) => Promise<Buffer>,
): Promise<string> {
  if (distribution === "debian") return (await read("/etc/debian_version")).toString("utf8").trim();
  return osRelease((await read("/usr/lib/os-release")).toString("utf8"));
}

/** `24.04.3` of `VERSION="24.04.3 LTS (Noble Numbat)"`; see os-release(5). */
export function osRelease(text: string): string {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(text)?.[1];
  return field("VERSION")?.split(" ")[0] || field("VERSION_ID") || "unknown";
}

/** A version 4 UUID (RFC 9562) of 16 random bytes. */
export function randomUuid(random: Buffer): string {
  const bytes = Buffer.from(random);
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x40;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
