/** The VMs of a lab as other programs reach them over SSH. */
import type { SshAccess, VmProvider } from "../../../providers/provider.ts";
import { isJsonObject } from "../../json.ts";
import type { ResourceState, State } from "../../state/types.ts";
import { vmsOf } from "../select.ts";
import { networkAddresses } from "./network-addresses.ts";

export interface LabHost {
  readonly name: string;
  readonly lab: string;
  readonly running: boolean;
  readonly access: SshAccess;
  /** Address in the VM's first network. */
  readonly ip?: string;
  readonly environment?: string;
  readonly role?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface LabHosts {
  /** Sorted by name. */
  readonly hosts: readonly LabHost[];
  /** Names of VMs that cannot be reached: never started, or not usable. */
  readonly unreachable: readonly string[];
}

/** Every VM that runs or has run; one that is off has the port that its next start asks for first. */
export async function labHosts(state: State | undefined, provider: VmProvider): Promise<LabHosts> {
  const vms = vmsOf(state);
  const found = await provider.read(vms.flatMap(({ instance }) => instance ?? []));
  const hosts: LabHost[] = [];
  const unreachable: string[] = [];
  for (const vm of vms) {
    const observation = found.get(vm.instance ?? "");
    const usable = observation?.state === "running" || observation?.state === "stopped";
    if (!usable || vm.instance === undefined || typeof observation.attributes.ssh_port !== "number") {
      unreachable.push(vm.name);
      continue;
    }
    const [ip] = Object.values(networkAddresses(vm));
    hosts.push({
      name: vm.name,
      lab: state?.lab ?? "",
      running: observation.state === "running",
      access: await provider.ssh(vm.instance),
      ...(ip === undefined ? {} : { ip }),
      ...groupsOf(vm),
    });
  }
  return { hosts, unreachable };
}

function groupsOf({ environment, inputs }: ResourceState): Pick<LabHost, "environment" | "role" | "labels"> {
  const labels = isJsonObject(inputs.labels) ? inputs.labels : {};
  return {
    ...(environment === undefined ? {} : { environment: environment.environment }),
    ...(typeof inputs.role === "string" ? { role: inputs.role } : {}),
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)])),
  };
}
