/** Wires one lab: its configuration, its state, its providers. The only place that imports concrete providers. */
import { join, resolve } from "node:path";
import type { LoadedLab } from "../engine/config/load.ts";
import type { Lab } from "../engine/config/types.ts";
import { type Diagnostic, DiagnosticsError, fail } from "../engine/diagnostics.ts";
import type { EventSink } from "../engine/events.ts";
import type { Json } from "../engine/json.ts";
import type { StateStore } from "../engine/state/store.ts";
import type { State } from "../engine/state/types.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { PackerProvider } from "../providers/packer/index.ts";
import type { Providers } from "../providers/provider.ts";
import type { LabMachine } from "../providers/qemu/index.ts";
import type { CommandContext } from "./context.ts";
import { routedImages } from "./image-providers.ts";
import { showDiagnostics } from "./show-diagnostics.ts";

export const LAB_FILE = "lab.toml";

/** Values of variables, as given on the command line. */
export interface GivenVariables {
  readonly var?: readonly string[];
  readonly varFile?: readonly string[];
}

/** The lab in the context's folder, read and validated; its problems are thrown as diagnostics. */
export async function openLab(context: CommandContext, given: GivenVariables): Promise<Lab> {
  await requireLabFile(context);
  return await loadLabFile(context, join(context.folder, LAB_FILE), given);
}

/** As {@link openLab}, for what works without a lab too: undefined where there is none or it is wrong. */
export async function openLabIfSound(context: CommandContext): Promise<Lab | undefined> {
  return (await loadLabAsIs(context)).lab;
}

/** As {@link openLabIfSound}, with what its files say where it is wrong, and why it is. */
export async function loadLabAsIs(context: CommandContext): Promise<LoadedLab> {
  const { loadLab } = await import("../engine/config/load.ts");
  return await loadLab(context.effects, { file: join(context.folder, LAB_FILE) });
}

async function loadLabFile(context: CommandContext, file: string, given: GivenVariables): Promise<Lab> {
  const { loadLab } = await import("../engine/config/load.ts");
  const { cwd } = context.terminal;
  const { lab, diagnostics } = await loadLab(context.effects, {
    file,
    tool: context.tool,
    variables: {
      assignments: given.var ?? [],
      files: (given.varFile ?? []).map((path) => resolve(cwd, path)),
    },
  });
  if (lab === undefined) throw new DiagnosticsError(diagnostics);
  await showDiagnostics(diagnostics, context);
  return lab;
}

/** Everything that planning and applying need. */
export async function openWorkspace(
  context: CommandContext,
  given: GivenVariables,
  events: EventSink,
  options: ProviderOptions = {},
): Promise<Workspace> {
  const lab = await openLab(context, given);
  return await workspaceOf(context, lab, events, options);
}

export async function workspaceOf(
  context: CommandContext,
  lab: Lab,
  events: EventSink,
  options: ProviderOptions = {},
): Promise<Workspace> {
  const { effects, home, tool, folder } = context;
  const [store, providers] = await Promise.all([
    openStore(context),
    openProviders(context, lab.provider, options),
  ]);
  return { effects, home, tool, folder, lab, store, providers, events };
}

/** The lab's state; needs no lab.toml. */
export async function openStore(
  context: CommandContext,
  options?: { readonly anyPlace: boolean },
): Promise<StateStore> {
  const { FileStore } = await import("../engine/state/file-store.ts");
  const { effects, tool } = context;
  return new FileStore({ effects, folder: stateFolder(context), tool, anyPlace: options?.anyPlace ?? false });
}

export function stateFolder(context: CommandContext): string {
  return join(context.folder, ".vmlab");
}

/** Machines as recorded, with the provider that runs them. Works while lab.toml is broken. */
export interface Machines {
  readonly store: StateStore;
  readonly state: State | undefined;
  readonly providers: Providers;
}

export async function openMachines(context: CommandContext): Promise<Machines> {
  const store = await openStore(context);
  const state = await store.read();
  if (state === undefined) await requireLabFile(context);
  const fake = Object.values(state?.resources ?? {}).some((resource) => resource.provider === "fake");
  return { store, state, providers: await openProviders(context, fake ? "fake" : "qemu") };
}

export interface ProviderOptions {
  /** Leaves the machine of a failed build running for a look. */
  readonly keepOnFailure?: boolean;
}

export async function openProviders(
  context: CommandContext,
  kind: "qemu" | "fake",
  options: ProviderOptions = {},
): Promise<Providers> {
  const { effects, home } = context;
  if (kind === "fake") {
    const { fakeProviders } = await import("../providers/fake/index.ts");
    return fakeProviders({ effects, home });
  }
  const [
    { qemuProvider, qemuNetworkProvider, qemuVolumeProvider },
    { imageProvider, imageDiskPath, missingLayer },
  ] = await Promise.all([import("../providers/qemu/index.ts"), import("../providers/images/index.ts")]);
  return {
    vm: qemuProvider({
      effects,
      home,
      imageDisk: (digest) => imageDiskPath(home, digest),
      missingLayer: (digest) => missingLayer(effects, home, digest),
    }),
    network: qemuNetworkProvider({ effects, home }),
    volume: qemuVolumeProvider({ effects, home }),
    image: routedImages(imageProvider({ effects, home }), () => openPacker(context, options)),
  };
}

/** What builds roles and custom images. */
export async function openPacker(
  context: CommandContext,
  options: ProviderOptions = {},
): Promise<PackerProvider> {
  const { effects, home } = context;
  const [{ packerProvider }, { qemuProvider }] = await Promise.all([
    import("../providers/packer/index.ts"),
    import("../providers/qemu/index.ts"),
  ]);
  return packerProvider({
    effects,
    home,
    machines: (imageDisk) => qemuProvider({ effects, home, imageDisk }),
    ...options,
  });
}

/** What the host offers to QEMU, for doctor. */
export interface QemuHost {
  readonly accel: { readonly accel: string; readonly accelerated: boolean; readonly reason: string };
  /** Such as 7.2.22; undefined when QEMU is missing or does not say. */
  readonly version: string | undefined;
  readonly uefi: boolean;
  readonly problems: readonly Diagnostic[];
}

export async function examineQemu(context: CommandContext): Promise<QemuHost> {
  const { effects, home } = context;
  const { qemuVersion, probeAccel, findUefi } = await import("../providers/qemu/index.ts");
  const { vm: provider } = await openProviders(context, "qemu");
  const problems = await provider.check({ uefi: false, accels: [], nested: [] });
  if (problems.some(({ code }) => code === "qemu/missing")) {
    const accel = { accel: "none", accelerated: false, reason: "QEMU is not installed" };
    return { accel, version: undefined, uefi: false, problems };
  }
  const version = await qemuVersion({ effects, home, imageDisk: () => "" });
  return {
    accel: await probeAccel(effects, home),
    version: version?.join("."),
    uefi: (await findUefi(effects)) !== undefined,
    problems,
  };
}

/** QEMU machines on this host that belong to the lab, whether its state knows them or not; for doctor. */
export async function qemuMachinesOf(
  context: CommandContext,
  lineage: string,
): Promise<readonly LabMachine[]> {
  const { machinesOfLab } = await import("../providers/qemu/index.ts");
  const { effects, home } = context;
  return await machinesOfLab({ effects, home, imageDisk: () => "" }, lineage);
}

/** What expressions that use sensitive variables are evaluated with. */
export function sensitiveVariables(lab: Lab): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(lab.variables).flatMap(([name, { value, sensitive }]) =>
      sensitive ? [[name, value]] : [],
    ),
  );
}

export async function requireLabFile(context: CommandContext): Promise<void> {
  const { files } = context.effects;
  if ((await files.stat(join(context.folder, LAB_FILE))) !== undefined) return;
  const folder = await files.stat(context.folder);
  if (folder === undefined || folder.kind !== "folder") {
    fail({
      code: "cli/no-folder",
      summary: `there is no folder ${context.folder}`,
      hint: "-C names the folder that holds lab.toml.",
    });
  }
  fail({
    code: "config/no-lab",
    summary: `there is no ${LAB_FILE} in ${context.folder}`,
    hint: `"vmlab init" writes a starter ${LAB_FILE} here. "vmlab -C DIR ..." works on a lab elsewhere.`,
  });
}
