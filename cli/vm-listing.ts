/** The VMs of a lab as `vmlab list` shows them: what the state records beside what really exists. */
import { networkAddresses } from "../engine/operate/access/network-addresses.ts";
import { vmsOf } from "../engine/operate/select.ts";
import { type VmState, vmStateOf } from "../engine/operate/vm-state.ts";
import type { Intent, ResourceState, State } from "../engine/state/types.ts";
import type { PortForward, VmObservation, VmProvider } from "../providers/provider.ts";

/** One VM; field names are those of --json. Sizes in bytes. */
export interface ListedVm {
  readonly name: string;
  readonly address: string;
  readonly state: VmState;
  /** How far the VM got. */
  readonly phase: string;
  readonly image: string;
  readonly role?: string;
  readonly environment?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpus?: number;
  readonly memory?: number;
  readonly disk?: number;
  readonly host?: string;
  readonly ssh_port?: number;
  /** Network → the VM's address in it, in the order of the VM's interfaces. */
  readonly networks: Readonly<Record<string, string>>;
  /** Guest port → host port. */
  readonly ports: Readonly<Record<string, number>>;
  /** Forwarded until the VM stops ("vmlab port"). */
  readonly temporary_ports?: readonly PortForward[];
  /** What a person should know: drift, pending work, why it is off. */
  readonly note?: string;
}

/** Only those of the state that are given (default: all) are looked at. */
export async function listVms(
  state: State | undefined,
  provider: VmProvider,
  vms: readonly ResourceState[] = vmsOf(state),
): Promise<ListedVm[]> {
  const ids = vms.flatMap(({ instance }) => instance ?? []);
  const found = ids.length === 0 ? new Map<string, VmObservation>() : await provider.read(ids);
  const intents = new Map(Object.values(state?.intents ?? {}).map((intent) => [intent.address, intent]));
  return vms.map((vm) =>
    listed(vm, found.get(vm.instance ?? "") ?? { state: "absent" }, intents.get(vm.address)),
  );
}

function listed(vm: ResourceState, observation: VmObservation, intent: Intent | undefined): ListedVm {
  const { inputs } = vm;
  const attributes =
    "attributes" in observation ? { ...vm.attributes, ...observation.attributes } : vm.attributes;
  const state = vmStateOf(observation);
  const temporary = temporaryPorts(observation);
  const note = noteOf(vm, observation, intent);
  const role = text(inputs.role);
  const environment = vm.environment?.environment;
  return {
    name: vm.name,
    address: vm.address,
    state,
    phase: vm.phase,
    image: text(inputs.image) ?? "",
    ...(role === undefined ? {} : { role }),
    ...(environment === undefined ? {} : { environment }),
    labels: record(inputs.labels, text),
    ...numberField("cpus", inputs.cpus),
    ...numberField("memory", inputs.memory),
    ...numberField("disk", inputs.disk),
    ...(text(attributes.host) === undefined ? {} : { host: text(attributes.host) ?? "" }),
    ...numberField("ssh_port", attributes.ssh_port),
    networks: networkAddresses(vm),
    ports: record(attributes.ports, number),
    ...(temporary.length === 0 ? {} : { temporary_ports: temporary }),
    ...(note === undefined ? {} : { note }),
  };
}

function temporaryPorts(observation: VmObservation): PortForward[] {
  if (observation.state !== "running") return [];
  return observation.forwards
    .filter(({ purpose }) => purpose === "temporary")
    .map(({ address, host, guest, protocol }) => ({ address, host, guest, protocol }));
}

function noteOf(
  vm: ResourceState,
  observation: VmObservation,
  intent: Intent | undefined,
): string | undefined {
  if (intent !== undefined) return `${intent.step} was interrupted; the next apply goes on`;
  if (vm.replacement !== undefined) return "its replacement is not finished; the next apply goes on";
  switch (observation.state) {
    case "absent":
      return "deleted outside of vmlab";
    case "incomplete":
      return "creating it did not finish";
    case "broken":
      return observation.reason;
    case "stopped":
      if (!observation.clean) return observation.reason ?? "ended without a shutdown";
      if (observation.suspended === true && vm.powerOverride?.state !== "suspended") return undefined;
      if (vm.powerOverride !== undefined)
        return `${vm.powerOverride.state} by ${vm.powerOverride.by === "guest" ? "the guest itself" : "a command"}`;
      return vm.inputs.power === "running" && vm.phase !== "created" ? "powered off inside" : undefined;
    case "running": {
      if (!observation.paused) return undefined;
      if (vm.powerOverride?.state === "paused") return "paused by a command";
      return text(observation.attributes.reason);
    }
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function numberField<K extends string>(key: K, value: unknown): { readonly [P in K]?: number } {
  return typeof value === "number" ? ({ [key]: value } as { [P in K]: number }) : {};
}

function record<T>(value: unknown, read: (value: unknown) => T | undefined): Record<string, T> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const known = read(inner);
      return known === undefined ? [] : [[key, known]];
    }),
  );
}
