/** A Packer provider over a home whose store has one base image, for tests that really build. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildInputs, ImageInputs, ProvisionStep } from "../../engine/config/types.ts";
import type { Effects } from "../../engine/effects.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../engine/home.ts";
import { sha256 } from "../../engine/json.ts";
import { imageDiskPath, imageProvider } from "../../providers/images/index.ts";
import {
  type PackerProvider,
  type PackerProviderOptions,
  packerProvider,
} from "../../providers/packer/index.ts";
import type { CallContext, ImageParent, ImageSpec, VmProvider } from "../../providers/provider.ts";
import { qemuProvider } from "../../providers/qemu/index.ts";

export const GiB = 2 ** 30;
const MiB = 2 ** 20;

export interface BuildRig {
  readonly root: string;
  /** The lab's folder. */
  readonly folder: string;
  readonly home: Home;
  readonly effects: Effects;
  readonly packer: PackerProvider;
  readonly vms: VmProvider;
  /** The image at the bottom. */
  readonly base: ImageParent & { readonly digest: string };
  /** Phases and output lines, as they came. */
  readonly told: string[];
  /** Called with each of these. */
  onTold: (line: string) => void;
  /** A context of its own abort. */
  call(): CallContext & { readonly abort: AbortController };
  provider(options?: Partial<PackerProviderOptions>): PackerProvider;
  /** A spec with its key, as a plan would have it. */
  spec(address: string, build: Partial<BuildInputs>, parent?: ImageParent): Promise<ImageSpec>;
  script(name: string, text: string): Promise<ProvisionStep>;
  /** Names in a folder under VMLAB_HOME; none when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Pids of processes that carry the mark of a build of this home, with their command lines. */
  marked(): Promise<Map<number, string>>;
  dispose(): Promise<void>;
}

/** Puts `disk` into the store of a fresh home. `user` is the login user of VMs on it. */
export async function buildRig(disk: string, user: string): Promise<BuildRig> {
  const root = await mkdtemp(join(tmpdir(), "vb-"));
  const folder = join(root, "lab");
  await mkdir(folder);
  const real = nodeEffects();
  // The tester's own keys do not belong into test guests; the accelerator is TCG everywhere.
  const env = { ...real.host.env, HOME: root, VMLAB_ACCEL: "tcg" };
  const effects: Effects = { ...real, host: { ...real.host, env } };
  const home = homeFrom({ VMLAB_HOME: join(root, "h") });
  const lab = { name: "demo", lineage: "00112233aabbccdd", folder };
  const told: string[] = [];
  const aborts: AbortController[] = [];
  const machines: PackerProviderOptions["machines"] = (imageDisk) =>
    qemuProvider({ effects, home, imageDisk });
  const provider: BuildRig["provider"] = (options = {}) =>
    packerProvider({ effects, home, machines, ...options });
  const rig: BuildRig = {
    root,
    folder,
    home,
    effects,
    packer: provider(),
    vms: machines((digest) => imageDiskPath(home, digest)),
    base: { address: "image.bookworm", key: "", digest: "" },
    told,
    onTold: () => undefined,
    call() {
      const abort = new AbortController();
      aborts.push(abort);
      const tell = (line: string): void => {
        told.push(line);
        rig.onTold(line);
      };
      return { abort, signal: abort.signal, progress: (phase) => tell(phase), output: tell };
    },
    provider,
    async spec(address, build, parent = rig.base) {
      const inputs: ImageInputs = {
        source: "build",
        user,
        os: "debian-12",
        build: {
          parent: parent.address,
          options: {},
          requires: [],
          steps: [],
          verify: [],
          disk: 3 * GiB,
          cpus: 2,
          memory: 768 * MiB,
          timeoutMs: 30 * 60_000,
          ...build,
        },
      };
      const [, name = address] = address.split(".");
      const spec = { address, name, lab, inputs, offline: false, parent };
      const { key, pin } = await rig.packer.resolve(spec, { upgrade: false });
      return { ...spec, key, ...(pin === undefined ? {} : { pin }) };
    },
    async script(name, text) {
      await writeFile(join(folder, name), text);
      return { kind: "script", path: name, sha256: sha256(text) };
    },
    list: (name) => readdir(join(home.root, name)).catch(() => []),
    async marked() {
      const found = new Map<number, string>();
      for (const entry of await readdir("/proc")) {
        if (!/^[0-9]+$/.test(entry)) continue;
        const environ = await readFile(`/proc/${entry}/environ`, "utf8").catch(() => "");
        const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
        if (environ.includes("\0VMLAB_BUILD=") && environ.includes(root)) found.set(Number(entry), command);
        else if (command.startsWith("qemu") && command.includes(root)) found.set(Number(entry), command);
      }
      return found;
    },
    async dispose() {
      // A test that failed may have left a build behind, which would go on.
      for (const abort of aborts) abort.abort();
      for (const pid of (await rig.marked()).keys()) process.kill(pid, "SIGKILL");
      await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
  const images = imageProvider({ effects, home });
  const spec = {
    ...{ address: "image.bookworm", name: "bookworm", lab, offline: false },
    inputs: { source: "path", path: disk, user },
  } as const;
  const { key } = await images.resolve(spec, { upgrade: false });
  const { digest } = await images.obtain({ ...spec, key }, rig.call());
  told.length = 0;
  return Object.assign(rig, { base: { address: "image.bookworm", key, digest } });
}
