/** Gets a build into the store, once, whoever else wants it at the same time. */
import { DiagnosticsError, fail } from "../../engine/diagnostics.ts";
import { withBuildSlot } from "../../engine/host/build-slots.ts";
import { imageAttributes } from "../images/image-attributes.ts";
import type { ImageRecord } from "../images/image-record.ts";
import { withKeyLock } from "../images/key-lock.ts";
import { imageDiskPath, verifyChain } from "../images/store.ts";
import type { CallContext, ImageSpec, ObtainedImage } from "../provider.ts";
import { type BuildOptions, buildImage } from "./build-image.ts";
import { buildOf, currentVersions, pinnedVersions, pinSource } from "./build-key.ts";
import { recoverBuilds } from "./build-place.ts";
import { type BuildWanted, buildCandidates, findBuild, parentOf, pinOf } from "./resolve-build.ts";

export async function obtainBuild(
  options: BuildOptions & { readonly templateVersion: number },
  spec: ImageSpec,
  context: CallContext,
): Promise<ObtainedImage> {
  const { effects, home, machines, templateVersion } = options;
  const build = buildOf(spec.inputs);
  const since = spec.pin?.source === pinSource(build) ? spec.pin.release : undefined;
  const wanted: BuildWanted = { key: spec.key, parent: parentOf(spec).digest, since };
  const provider = machines((digest) => imageDiskPath(home, digest));
  await recoverBuilds(effects, home, provider);
  const { record, built } = await withKeyLock(effects, home, spec.key, context, async () => {
    // Another process may have built it while this one waited for the lock.
    const there = spec.fresh === true ? undefined : await inStore(options, wanted, context);
    if (there !== undefined) return { record: there, built: false };
    requireNetwork(spec);
    const problems = (await provider.check({ uefi: false, accels: [], nested: [] })).filter(
      ({ severity }) => severity === "error",
    );
    if (problems.length > 0) throw new DiagnosticsError(problems);
    const demand = {
      id: effects.random.bytes(6).toString("hex"),
      cpus: build.cpus,
      memory: build.memory,
      what: spec.address,
    };
    const slot = {
      signal: context.signal,
      progress: (phase: string) => context.progress(phase, undefined, "queued"),
    };
    return withBuildSlot(effects, home, demand, slot, async () => ({
      record: await buildImage(options, spec, context),
      built: true,
    }));
  });
  const current = currentVersions(build, templateVersion);
  const pin = pinOf(spec, built ? current : (pinnedVersions(build, spec.pin) ?? current), since);
  return { digest: record.digest, attributes: imageAttributes(record, { key: spec.key, pin }), pin };
}

/** Files that look touched are read in full before they are used, down to the lowest layer. */
async function inStore(
  { effects, home }: BuildOptions,
  wanted: BuildWanted,
  context: CallContext,
): Promise<ImageRecord | undefined> {
  const found = await findBuild(effects, home, wanted);
  if (found !== undefined) return found;
  for (const record of await buildCandidates(effects, home, wanted)) {
    const there = await verifyChain(effects, home, record.digest, { mend: true, context });
    if (there.state === "whole") return there.record;
  }
  return undefined;
}

function requireNetwork({ address, inputs, offline }: ImageSpec): void {
  if (
    !offline ||
    !buildOf(inputs).steps.some(({ kind }) => kind === "packages" || kind === "catalogue-script")
  )
    return;
  fail({
    code: "image/offline",
    summary: `building ${address} installs packages, and the lab is offline`,
    hint: "Apply once without `offline`, or import the image from a host that has it: vmlab images import.",
    address,
  });
}
