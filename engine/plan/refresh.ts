/** What really exists of what the state records, read in one batch a provider. */
import type { ImageObservation, VmObservation, VolumeObservation } from "../../providers/provider.ts";
import type { ResourceType } from "../config/types.ts";
import type { State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";

export interface Reality {
  /** By instance id. */
  readonly vms: ReadonlyMap<string, VmObservation>;
  /** By digest. */
  readonly images: ReadonlyMap<string, ImageObservation>;
  /** Ids of those that exist; undefined when nobody looked. */
  readonly networks?: ReadonlySet<string>;
  /** By instance id. */
  readonly volumes: ReadonlyMap<string, VolumeObservation>;
}

/** Without `refresh` the record is believed: everything is taken to be as it was left. */
export async function refresh(
  workspace: Workspace,
  state: State | undefined,
  options: { readonly refresh: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Reality> {
  if (state === undefined || !options.refresh)
    return { vms: new Map(), images: new Map(), volumes: new Map() };
  const instances: Record<ResourceType, string[]> = {
    secret: [],
    image: [],
    role: [],
    network: [],
    volume: [],
    vm: [],
  };
  for (const { type, instance } of Object.values(state.resources))
    if (instance !== undefined) instances[type].push(instance);
  const [vms, images, networks, volumes] = await Promise.all([
    workspace.providers.vm.read(instances.vm, options.signal),
    workspace.providers.image.read([...instances.image, ...instances.role]),
    workspace.providers.network.read(instances.network),
    workspace.providers.volume.read(instances.volume),
  ]);
  return { vms, images, networks, volumes };
}
