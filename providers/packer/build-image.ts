/** Carries out a recipe: Packer, sealed layer, verification, store. */
import { dirname, join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { ImageFacts, ImageRecord } from "../images/image-record.ts";
import { admitImage, bareDigest, imageDiskPath, preparedDisk } from "../images/store.ts";
import type { CallContext, ImageSpec, VmProvider } from "../provider.ts";
import { chooseAccel } from "../qemu/accel-probe.ts";
import { failBuild, withFailureLog } from "./build-failure.ts";
import { buildOf, recipeLines } from "./build-key.ts";
import { type BuildPlace, withBuildPlace } from "./build-place.ts";
import { BuildReport } from "./build-report.ts";
import { withDeadline } from "./deadline.ts";
import { finishDisk } from "./finish-disk.ts";
import { layerChain, linkParent } from "./layer-chain.ts";
import { findPacker } from "./packer-program.ts";
import { parentOf } from "./resolve-build.ts";
import { runPacker, STAGES_BEFORE_SCRIPTS } from "./run-packer.ts";
import { BUILD_FILES, type TemplateInputs } from "./template.ts";
import { requireAllScripts } from "./user-template.ts";
import { verifyImage } from "./verify-image.ts";
import { whileThereIsSpace } from "./watch-space.ts";
import { readRecipe, writeBuildFolder } from "./write-build-folder.ts";

export interface BuildOptions {
  readonly effects: Effects;
  readonly home: Home;
  /** A VM provider for which images lie where `imageDisk` says. */
  readonly machines: (imageDisk: (digest: string) => string) => VmProvider;
  /** Leaves the machine of a failed build running. */
  readonly keepOnFailure: boolean;
}

const LOG = "build.log";

/** Builds the image and puts it into the store. Nothing but a log is left of a failure. */
export async function buildImage(
  options: BuildOptions,
  spec: ImageSpec,
  context: CallContext,
): Promise<ImageRecord> {
  const { effects, home, machines } = options;
  const { address } = spec;
  const parent = parentOf(spec);
  if (parent.digest === undefined) throw new Error(`${parent.address} has to be obtained before ${address}`);
  const below = { address: parent.address, digest: bareDigest(parent.digest) };
  const chain = await layerChain(effects, home, below, address);
  const uses = chain.map(({ digest }) => digest);
  const remover = machines((digest) => imageDiskPath(home, digest));
  return withBuildPlace(effects, home, remover, uses, (place) =>
    buildInPlace(options, spec, place, below, context),
  );
}

async function buildInPlace(
  options: BuildOptions,
  spec: ImageSpec,
  place: BuildPlace,
  below: { readonly address: string; readonly digest: string },
  context: CallContext,
): Promise<ImageRecord> {
  const { effects, home, keepOnFailure } = options;
  const { address, inputs } = spec;
  const build = buildOf(inputs);
  const begun = effects.clock.now();
  const packer = await findPacker(effects, home, address);
  // Looked at again: from here on, nothing prunes it.
  const [parent] = await layerChain(effects, home, below, address);
  const from = { address, folder: spec.lab.folder };
  const recipe = await readRecipe(effects, build, from);
  const templateInputs: TemplateInputs = {
    accelerator: await chooseAccel(effects, home, "auto"),
    cpus: build.cpus,
    memory: build.memory,
    disk: Math.max(parent.virtual_size, build.disk),
    scripts: recipe.scripts,
    hasPayload: recipe.payload.length > 0,
  };
  const scripts = recipe.scripts.map(({ label }) => label);
  const report = new BuildReport(context, ["booting", ...scripts, "reading the image", "verifying"]);
  report.note(`${address} on ${below.address} (sha256:${below.digest}), Packer ${packer.version}`);
  const carryOut = async (limited: CallContext): Promise<ImageRecord> => {
    const { signal } = limited;
    report.begin(0);
    await linkParent(effects, place.folder, parent.digest);
    const written = await writeBuildFolder(effects, place.folder, build, recipe, {
      inputs: templateInputs,
      dialect: packer.dialect,
      from,
    });
    const outcome = await runPacker(effects, {
      packer,
      id: place.id,
      folder: place.folder,
      temporary: place.temporary,
      ...written,
      scripts: recipe.scripts,
      report,
      signal,
    });
    if (outcome.failure !== undefined)
      await failBuild(effects, home, {
        address,
        place,
        outcome,
        failure: outcome.failure,
        report,
        keepOnFailure,
      });
    requireAllScripts(templateInputs, outcome.begun, build.packer?.path ?? "the template", address);

    report.begin(STAGES_BEFORE_SCRIPTS + scripts.length);
    const disk = await takeDisk(effects, place, address);
    await finishDisk(effects, disk, {
      address,
      parent: parent.digest,
      parentDisk: imageDiskPath(home, parent.digest),
      size: templateInputs.disk,
      signal,
    });
    const digest = await effects.files.sha256(disk, { signal });

    report.begin(STAGES_BEFORE_SCRIPTS + scripts.length + 1);
    await verify(options, spec, place, { digest, disk, virtualSize: templateInputs.disk }, report, signal);

    const folder = dirname(disk);
    await effects.files.write(join(folder, LOG), report.text);
    const facts = factsOf(spec, parent, below, {
      virtualSize: templateInputs.disk,
      buildMs: effects.clock.now() - begun,
    });
    return await admitImage(effects, home, { folder, digest, key: spec.key, facts, context: limited });
  };
  return withFailureLog(effects, home, address, report, () =>
    withDeadline(effects, build.timeoutMs, context, address, (limited) =>
      whileThereIsSpace(effects, home, limited, address, carryOut),
    ),
  );
}

/** Moves Packer's disk to where the store takes it from. */
async function takeDisk(effects: Effects, place: BuildPlace, address: string): Promise<string> {
  const made = join(place.folder, BUILD_FILES.output, BUILD_FILES.disk);
  const image = join(place.folder, "image");
  if ((await effects.files.stat(made))?.kind !== "file") {
    fail({
      code: "image/template-unusable",
      summary: `${address}: Packer ended well and left no disk`,
      hint: "In a template of your own, take output_directory from vmlab_output_directory and vm_name from vmlab_disk_name.",
      address,
    });
  }
  await effects.files.makeDir(image);
  const disk = preparedDisk(image);
  await effects.files.rename(made, disk);
  return disk;
}

async function verify(
  { effects, home, machines }: BuildOptions,
  { address, inputs }: ImageSpec,
  place: BuildPlace,
  image: { readonly digest: string; readonly disk: string; readonly virtualSize: number },
  report: BuildReport,
  signal: AbortSignal,
): Promise<void> {
  const build = buildOf(inputs);
  const provider = machines((digest) =>
    bareDigest(digest) === image.digest ? image.disk : imageDiskPath(home, digest),
  );
  await verifyImage(
    effects,
    provider,
    {
      id: place.vm,
      address,
      digest: image.digest,
      user: inputs.user,
      cpus: build.cpus,
      memory: build.memory,
      disk: image.virtualSize,
      commands: build.verify,
    },
    {
      signal,
      progress: (phase) => report.detail(phase),
      output: (line) => report.output(line),
    },
  );
}

function factsOf(
  { address, name, inputs }: ImageSpec,
  parent: ImageRecord,
  below: { readonly address: string },
  made: { readonly virtualSize: number; readonly buildMs: number },
): ImageFacts {
  const build = buildOf(inputs);
  const role = address.startsWith("role.");
  const parentName = parent.name ?? below.address.slice(below.address.indexOf(".") + 1);
  return {
    kind: role ? "role" : "custom",
    source: build.use === undefined ? `built on ${below.address}` : `${build.use} on ${below.address}`,
    name: role ? `${parentName}-${name}` : name,
    parent: parent.digest,
    address,
    ...(build.use === undefined ? {} : { use: build.use }),
    ...(inputs.os === undefined ? {} : { os: inputs.os }),
    user: inputs.user,
    steps: recipeLines(build),
    build_ms: made.buildMs,
    format: "qcow2",
    virtual_size: made.virtualSize,
  };
}
