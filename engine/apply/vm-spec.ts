/** Evaluated inputs as the provider takes them. */
import { resolve } from "node:path";
import type {
  AttachmentSpec,
  LabIdentity,
  PortForward,
  VmSpec,
  VolumeSpec,
} from "../../providers/provider.ts";
import type { AttachmentInputs, EnvironmentMember, InterfaceInputs, NetworkInputs } from "../config/types.ts";
import type { EvaluatedVmInputs } from "./evaluate-inputs.ts";
import { hostEntries, networkId } from "./host-entries.ts";

export interface SpecIdentity {
  readonly id: string;
  readonly name: string;
  readonly lab: LabIdentity;
  readonly base: { readonly digest: string; readonly user: string };
  readonly environment?: EnvironmentMember | undefined;
}

/** A network's inputs as planned, or as recorded. */
export type NetworkLookup = (name: string) => Pick<NetworkInputs, "members"> | undefined;

/** A volume as recorded; undefined when there is none. */
export type VolumeLookup = (name: string) => Pick<VolumeSpec, "id" | "size" | "filesystem"> | undefined;

/** What of the rest of the lab a VM's spec is made with. */
export interface LabLookups {
  readonly network: NetworkLookup;
  readonly volume: VolumeLookup;
}

/** With `partial`, sensitive values may be missing from the inputs: the guest keeps those it has. */
export function vmSpec(
  identity: SpecIdentity,
  inputs: EvaluatedVmInputs,
  lookups: LabLookups,
  partial = false,
): VmSpec {
  const { login, ready } = inputs;
  const { id, name, lab, base } = identity;
  return {
    ...{ id, name, lab, base },
    cpus: inputs.cpus,
    memory: inputs.memory,
    disk: inputs.disk,
    firmware: inputs.firmware,
    machine: inputs.machine,
    accel: inputs.accel,
    user: login.user,
    ...(login.password === undefined || login.password === "" ? {} : { password: login.password }),
    keys: login.keys,
    ports: inputs.ports.map(parsePort),
    ...networking(identity, inputs.networks ?? [], lookups.network),
    ...storage(identity, inputs, lookups.volume),
    labels: inputs.labels,
    env: inputs.env ?? {},
    ...(ready === undefined ? {} : { ready }),
    timeouts: inputs.timeouts,
    ...(partial ? { partial } : {}),
  };
}

function networking(
  { lab, environment }: SpecIdentity,
  interfaces: readonly InterfaceInputs[],
  networks: NetworkLookup,
): Pick<VmSpec, "networks" | "hosts"> {
  if (interfaces.length === 0) return {};
  const group = environment?.environment;
  const viewer = { lab: lab.name, interfaces, ...(group === undefined ? {} : { environment: group }) };
  return {
    networks: interfaces.map((one) => ({ ...one, network: networkId(lab.lineage, one.name) })),
    hosts: () => hostEntries(viewer, networks),
  };
}

/** One that has no record, as after `state rm`, has no id: the provider says that it is not there. */
function attachment(volume: AttachmentInputs, volumes: VolumeLookup): AttachmentSpec {
  return { ...volume, ...(volumes(volume.name) ?? { id: "", size: 0, filesystem: "none" }) };
}

function storage(
  { lab }: SpecIdentity,
  { volumes = [], shares = [] }: Pick<EvaluatedVmInputs, "volumes" | "shares">,
  lookup: VolumeLookup,
): Pick<VmSpec, "volumes" | "shares"> {
  return {
    ...(volumes.length === 0 ? {} : { volumes: volumes.map((volume) => attachment(volume, lookup)) }),
    ...(shares.length === 0
      ? {}
      : { shares: shares.map((share) => ({ ...share, from: resolve(lab.folder, share.from) })) }),
  };
}

/** A port as the configuration normalises it: `ADDRESS:HOST:GUEST/PROTO`, IPv4. */
function parsePort(text: string): PortForward {
  const [rest = "", protocol = "tcp"] = text.split("/");
  const [address = "127.0.0.1", host = "0", guest = "0"] = rest.split(":");
  return { address, host: Number(host), guest: Number(guest), protocol: protocol === "udp" ? "udp" : "tcp" };
}
