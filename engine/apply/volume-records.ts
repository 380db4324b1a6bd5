/** Volumes as the state records them. */
import type { VolumeInputs } from "../config/types.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { volumesOf } from "../plan/volume-moves.ts";
import type { ResourceState } from "../state/types.ts";
import type { VolumeLookup } from "./vm-spec.ts";

export function volumeLookup(record: (address: string) => ResourceState | undefined): VolumeLookup {
  return (name) => {
    const { instance, inputs } = record(`volume.${name}`) ?? {};
    if (instance === undefined || inputs === undefined) return undefined;
    const { size, filesystem } = inputs as unknown as VolumeInputs;
    return { id: instance, size, filesystem };
  };
}

/** The VMs that have a volume by their records: after a failure one of them may not have got it yet. */
export function holdersOf(records: readonly ResourceState[], volume: string): readonly ResourceState[] {
  return records.filter(({ type, inputs }) => type === "vm" && volumesOf(inputs).includes(volume));
}

/** A VM's record with only those of its volumes that `keep` (an address) says. */
export function withVolumes(record: ResourceState, keep: (volume: string) => boolean): ResourceState {
  const { volumes, ...inputs } = record.inputs;
  if (!Array.isArray(volumes)) return record;
  const kept = volumes.filter((entry: Json) => isJsonObject(entry) && keep(`volume.${String(entry.name)}`));
  const left: JsonObject = kept.length === 0 ? inputs : { ...inputs, volumes: kept };
  return { ...record, inputs: left };
}
