/**
 * A VM → an image in the store. Works on a copy, or on a layer over the VM's own that goes away afterwards: nothing is
 * ever written to the VM's disk, and nothing enters the store but the finished image, in one rename.
 */
import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import { imageAttributes } from "../../images/image-attributes.ts";
import type { ImageFacts } from "../../images/image-record.ts";
import { digestKey } from "../../images/image-source.ts";
import { admitImage, bareDigest, preparedDisk, readRecord } from "../../images/store.ts";
import type { Workplace } from "../../images/workplace.ts";
import { type BuildPlace, withBuildPlace } from "../../packer/build-place.ts";
import { buildMark } from "../../packer/build-processes.ts";
import type { CallContext, ExportedImage, ExportOptions } from "../../provider.ts";
import { sharedLayerPath } from "../clone/shared-layers.ts";
import type { QemuContext } from "../context.ts";
import { qemuProvider } from "../index.ts";
import { readVms } from "../read.ts";
import { requireRunning } from "../ready.ts";
import { requireVm, type VmFolder, type VmRecord, vmFolder } from "../vm-folder.ts";
import { bottomOf, prepareAppliance } from "./appliance.ts";
import { endAbandonedCopies } from "./copy-note.ts";
import { type DiskWork, qemuImg, qemuImgJson } from "./disk-tools.ts";
import { finishDisk } from "./finish-disk.ts";
import { copyLive } from "./live-copy.ts";
import { type Sealed, sealDisk } from "./seal-disk.ts";
import { chooseSource, type Source } from "./source.ts";
import { requireSpace } from "./space.ts";
import { requireMemory, verifyBoot } from "./verify-boot.ts";

/** What is exported, found sound. */
interface Exported {
  readonly folder: VmFolder;
  readonly vm: VmRecord;
  /** Path of the active layer. */
  readonly active: string;
  /** Digest of the image that the VM stands on. */
  readonly base: string;
  /** Digest of the image at the bottom. */
  readonly bottom: string;
  readonly source: Source;
  readonly options: ExportOptions;
}

export async function exportImage(
  context: QemuContext,
  id: string,
  options: ExportOptions,
  call: CallContext,
): Promise<ExportedImage> {
  const { effects, home } = context;
  const folder = vmFolder(home, id);
  const vm = await requireVm(effects, folder);
  await endAbandonedCopies(context);
  const { layers, base } = await soundLayers(context, vm, folder);
  // From here on nothing prunes the image below, and the next command finds all that a crash leaves.
  return await withBuildPlace(effects, home, qemuProvider(context), [base], async (place) => {
    const work: DiskWork = { effects, address: `vm.${vm.name}`, call, env: buildMark(place.id) };
    const bottom = await bottomOf(context, base);
    const active = layers.at(-1) ?? context.imageDisk(base);
    const source = await chooseSource(context, work, { folder, name: vm.name, active }, options);
    if (options.verify) await requireMemory(context, work);
    const below = { digest: bottom, path: context.imageDisk(bottom) };
    await requireSpace(context, work, { layers, bottom: below, source, options });
    return await exportTo(context, work, { folder, vm, active, base, bottom, source, options }, place);
  });
}

/** Paths of the VM's layers above the image, lowest first, and the digest of the image below them. */
async function soundLayers(
  context: QemuContext,
  vm: VmRecord,
  folder: VmFolder,
): Promise<{ layers: readonly string[]; base: string }> {
  const observation = (await readVms(context, [vm.id])).get(vm.id);
  if (observation?.state === "broken") {
    fail({
      code: "vm/broken",
      address: `vm.${vm.name}`,
      summary: `${vm.name} cannot be exported: ${observation.reason}`,
      hint: "`vmlab doctor` looks closer.",
    });
  }
  const digests = vm.layers.flatMap((layer) => ("digest" in layer ? [bareDigest(layer.digest)] : []));
  const layers = vm.layers.flatMap((layer) => {
    if ("digest" in layer) return [];
    return "file" in layer ? join(folder.root, layer.file) : sharedLayerPath(context.home, layer.shared);
  });
  return { layers, base: digests[0] ?? "" };
}

async function exportTo(
  context: QemuContext,
  work: DiskWork,
  exported: Exported,
  place: BuildPlace,
): Promise<ExportedImage> {
  const { effects, home } = context;
  const { call } = work;
  const { vm, base, options } = exported;
  const { view, sealed } = await sealedView(context, work, exported, place);
  const image = join(place.folder, "image");
  await effects.files.makeDir(image);
  const target = preparedDisk(image);
  const parent = options.flatten ? undefined : { digest: base, path: context.imageDisk(base) };
  const { compress } = options;
  await finishDisk(work, { view, parent, compress, folder: place.folder, target });
  const info = await qemuImgJson(work, "info", target);
  const size = Number(info["virtual-size"]);
  const digest = await effects.files.sha256(target, {
    signal: call.signal,
    progress: (done) => call.progress("reading the image", { unit: "bytes", done }),
  });
  if (options.verify)
    await verifyBoot(context, work, vm, { digest, disk: target, name: options.name, size }, place.vm);
  call.signal.throwIfAborted();
  const os = sealed?.os ?? (await readRecord(effects, home, base))?.os;
  const facts: ImageFacts = {
    kind: "export",
    source: sourceText(exported),
    name: options.name,
    address: `image.${options.name}`,
    ...(parent === undefined ? {} : { parent: parent.digest }),
    ...(os === undefined ? {} : { os }),
    user: vm.user,
    format: "qcow2",
    virtual_size: size,
  };
  const key = digestKey(digest);
  const record = await admitImage(effects, home, { folder: image, digest, key, facts, context: call });
  return {
    digest: record.digest,
    attributes: {
      ...imageAttributes(record),
      user: vm.user,
      name: options.name,
      ...(parent === undefined ? {} : { parent: parent.digest }),
      ...(os === undefined ? {} : { os }),
    },
  };
}

/** `export of vm.web of lab demo`. */
function sourceText({ vm, source }: Exported): string {
  const what = source.kind === "snapshot" ? `snapshot ${source.name} of vm.${vm.name}` : `vm.${vm.name}`;
  return `export of ${what} of lab ${vm.lab.name}`;
}

/** A disk as the image shall be: a layer over what is exported, sealed unless that was not wanted. */
async function sealedView(
  context: QemuContext,
  work: DiskWork,
  exported: Exported,
  place: Workplace,
): Promise<{ view: string; sealed?: Sealed }> {
  const { effects } = context;
  const { bottom, options } = exported;
  // First of all: that there is no appliance must be known before a running machine is disturbed.
  const room = join(place.folder, "appliance");
  await effects.files.makeDir(room);
  const appliance = options.seal ? await prepareAppliance(context, work, bottom, room) : undefined;
  const below = await unsealed(context, work, exported, place);
  if (appliance === undefined) return { view: below };
  const view = join(place.folder, "sealed.qcow2");
  await qemuImg(work, "preparing the copy", [
    "create",
    "-q",
    "-f",
    "qcow2",
    "-F",
    "qcow2",
    "-b",
    below,
    view,
  ]);
  return { view, sealed: await sealDisk(context, work, appliance, view) };
}

/** A qcow2 with what is exported, which nobody writes to while this lasts. */
async function unsealed(
  context: QemuContext,
  work: DiskWork,
  { source, active, vm }: Exported,
  place: Workplace,
): Promise<string> {
  const target = join(place.folder, "copy.qcow2");
  switch (source.kind) {
    case "off":
      return active;
    case "running": {
      const running = await requireRunning(context, vm.id);
      await copyLive(context, work, running, { active, target, freeze: source.freeze });
      return target;
    }
    case "snapshot": {
      // What a snapshot holds is never written again, so a running machine does no harm.
      const shared = source.running ? ["-U"] : [];
      // A comma would end the name and begin an option of qemu-img's.
      const snapshot = ["-l", `snapshot.name=${source.tag.replaceAll(",", ",,")}`];
      await qemuImg(work, "copying the snapshot", [
        ...["convert", "-p", ...shared, "-f", "qcow2", "-O", "qcow2", ...snapshot, active, target],
      ]);
      return target;
    }
  }
}
