/** Looks at the images of a plan, each after the one that it is built on. */
import type { ImageParent, ImageResolution } from "../../providers/provider.ts";
import type { ImageInputs, Resource } from "../config/types.ts";
import { type Diagnostic, isDiagnosticsError } from "../diagnostics.ts";
import type { ResourceState } from "../state/types.ts";
import { type ImageRequest, imageNeedsResolution, isLost } from "./decide-image.ts";
import type { PlanBasis } from "./make-plan.ts";
import { isRequested, isUpgraded } from "./requests.ts";

/** An image or role with its record. */
export interface ImageCandidate {
  readonly resource: Resource;
  readonly recorded: ResourceState | undefined;
}

/** An image as the plan leaves it. */
export interface ImageOutlook {
  readonly key: string;
  /** Undefined while it has to be made. */
  readonly digest: string | undefined;
  /** The same bytes are got again: VMs on it stay, new ones take what the image then is. */
  readonly restored: boolean;
  /** Of its disk, in bytes; undefined while it has to be made. */
  readonly size?: number;
  /** Absent when the record is as good as a look. */
  readonly resolution?: ImageResolution;
}

export class ImageResolver {
  readonly #basis: PlanBasis;
  readonly #candidates: ReadonlyMap<string, ImageCandidate>;
  readonly #signal: AbortSignal | undefined;
  readonly #outlooks = new Map<string, Promise<ImageOutlook | undefined>>();
  /** Problems of images that were looked at. */
  readonly diagnostics: Diagnostic[] = [];

  constructor(
    basis: PlanBasis,
    candidates: ReadonlyMap<string, ImageCandidate>,
    signal: AbortSignal | undefined,
  ) {
    this.#basis = basis;
    this.#candidates = candidates;
    this.#signal = signal;
  }

  /** Undefined when it, or what it is built on, has a problem or is not declared. */
  outlook(address: string): Promise<ImageOutlook | undefined> {
    const known = this.#outlooks.get(address);
    if (known !== undefined) return known;
    const outlook = this.#look(address);
    this.#outlooks.set(address, outlook);
    return outlook;
  }

  /** What is asked of an image beside its declaration. */
  request(address: string, parent: ImageParent | undefined): ImageRequest {
    const { options, pins } = this.#basis;
    return {
      upgrade: isUpgraded(options, address),
      requested: isRequested(options.replace, address),
      pin: pins[address],
      parent,
    };
  }

  /** What a build stands on, as the plan leaves it. */
  async parent(resource: Resource): Promise<ImageParent | undefined> {
    const address = (resource.inputs as ImageInputs).build?.parent;
    if (address === undefined) return undefined;
    const below = await this.outlook(address);
    if (below === undefined) return undefined;
    return { address, key: below.key, ...(below.digest === undefined ? {} : { digest: below.digest }) };
  }

  async #look(address: string): Promise<ImageOutlook | undefined> {
    const candidate = this.#candidates.get(address);
    if (candidate === undefined) return undefined;
    const { resource, recorded } = candidate;
    const inputs = resource.inputs as ImageInputs;
    const parent = await this.parent(resource);
    if (inputs.build !== undefined && parent === undefined) return undefined;
    const request = this.request(address, parent);
    const observation = this.#basis.reality.images.get(recorded?.instance ?? "");
    if (recorded !== undefined && !imageNeedsResolution(resource, recorded, observation, request)) {
      const { key, virtual_size: size } = recorded.attributes;
      const outlook = { key: String(key ?? ""), digest: recorded.instance, restored: false };
      return typeof size === "number" ? { ...outlook, size } : outlook;
    }
    const resolution = await this.#resolve(resource, request, parent);
    if (resolution === undefined) return undefined;
    const restored = recorded !== undefined && isLost(resource, recorded, observation, resolution, request);
    const digest = restored ? recorded.instance : request.requested ? undefined : resolution.digest;
    const size = digest === undefined ? undefined : resolution.virtualSize;
    return { key: resolution.key, digest, restored, ...(size === undefined ? {} : { size }), resolution };
  }

  async #resolve(
    resource: Resource,
    { upgrade, pin }: ImageRequest,
    parent: ImageParent | undefined,
  ): Promise<ImageResolution | undefined> {
    const { workspace, lineage } = this.#basis;
    try {
      return await workspace.providers.image.resolve(
        {
          address: resource.address,
          name: resource.name,
          lab: { name: workspace.lab.name, lineage, folder: workspace.folder },
          inputs: resource.inputs as ImageInputs,
          offline: workspace.lab.offline,
          ...(pin === undefined ? {} : { pin }),
          ...(parent === undefined ? {} : { parent }),
        },
        { upgrade, ...(this.#signal === undefined ? {} : { signal: this.#signal }) },
      );
    } catch (error) {
      if (!isDiagnosticsError(error)) throw error;
      this.diagnostics.push(...error.diagnostics);
      return undefined;
    }
  }
}
