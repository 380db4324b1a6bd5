/** The lab's networks, and which VM has which address and interface in them. */
import { isJsonObject, type Json, type JsonObject, sha256 } from "../../json.ts";
import { mayHoldExpression } from "../expressions/template.ts";
import { LAB_SCOPE } from "../expressions/value-source.ts";
import type { Finding } from "../findings.ts";
import {
  formatIpv4,
  type Ipv4Network,
  isHostAddress,
  overlap,
  parseIpv4,
  parseIpv4Network,
} from "../ipv4.ts";
import { nameHint } from "../nearest-name.ts";
import type { PropertyKind } from "../property-values.ts";
import { defaultsOf } from "../schema.ts";
import type { InterfaceInputs, NetworkInputs, NetworkMember, Origin, Scope } from "../types.ts";
import { type AddressRequest, allocateAddresses } from "./allocate-addresses.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Evaluator } from "./evaluator.ts";
import { type ExpandInput, tableOf, vmSite } from "./lab-values.ts";
import { originInLayers } from "./layers.ts";

/** QEMU's user-mode network, which every VM is in (qemu(1), -netdev user). */
const USER_MODE = parseIpv4Network("10.0.2.0/24") as Ipv4Network;
/** At least two members. */
const LONGEST_PREFIX = 29;
const SHORTEST_PREFIX = 8;

const defaults = defaultsOf("Network");

interface Network {
  readonly name: string;
  readonly range: Ipv4Network;
  readonly internet: boolean;
  readonly mtu: number;
}

/** A VM's entry in its list of networks. */
interface Entry {
  readonly vm: VmDeclaration;
  readonly network: Network;
  readonly origin: Origin;
  readonly declared?: number;
}

export interface NetworkSurroundings {
  readonly document: JsonObject;
  readonly originOf: (table: string, name: string) => Origin;
  readonly scopeOf: (table: string, name: string) => Scope;
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
  readonly input: ExpandInput;
}

export class LabNetworks {
  readonly #around: NetworkSurroundings;
  readonly #networks = new Map<string, Network>();
  readonly #interfaces = new Map<string, readonly InterfaceInputs[]>();
  readonly #members = new Map<string, NetworkMember[]>();

  constructor(around: NetworkSurroundings, vms: ReadonlyMap<string, VmDeclaration>) {
    this.#around = around;
    for (const [name, value] of Object.entries(tableOf(around.document.networks)))
      this.#declare(name, tableOf(value));
    this.#connect(vms);
  }

  names(): readonly string[] {
    return [...this.#networks.keys()];
  }

  inputs(name: string): NetworkInputs | undefined {
    const network = this.#networks.get(name);
    if (network === undefined) return undefined;
    const { range, internet, mtu } = network;
    const cidr = `${formatIpv4(range.base)}/${range.prefix}`;
    return { cidr, internet, mtu, members: this.#members.get(name) ?? [] };
  }

  /** In the order in which the VM lists them; empty for a VM in no network. */
  interfaces(vm: string): readonly InterfaceInputs[] {
    return this.#interfaces.get(vm) ?? [];
  }

  #declare(name: string, table: JsonObject): void {
    const origin = this.#around.originOf("networks", name);
    const setting = (key: string, kind: PropertyKind): Json | undefined => {
      const raw = table[key] ?? defaults[key] ?? null;
      if (!mayHoldExpression(raw)) return raw;
      return this.#around.evaluator.known(raw, kind, {
        scope: this.#around.scopeOf("networks", name),
        scopeId: LAB_SCOPE,
        name: key,
        address: `network.${name}`,
        origin: () => ({ ...origin, path: [...origin.path, key] }),
        onlyVars: true,
      });
    };
    const cidr = setting("cidr", "text");
    const internet = setting("internet", "boolean");
    const mtu = setting("mtu", "mtu");
    if (cidr === undefined || internet === undefined || mtu === undefined) return;
    const text = String(cidr);
    const range = parseIpv4Network(text);
    const at = { ...origin, path: [...origin.path, "cidr"] };
    if (range === undefined) {
      this.#find(
        "config/bad-value",
        `"${text}" is no network`,
        at,
        `network.${name}`,
        'Write it as "10.42.0.0/24".',
      );
      return;
    }
    if (range.prefix > LONGEST_PREFIX || range.prefix < SHORTEST_PREFIX) {
      const hint = `Choose a prefix from /${SHORTEST_PREFIX} to /${LONGEST_PREFIX}.`;
      this.#find(
        "config/bad-value",
        `${text} is too ${range.prefix > LONGEST_PREFIX ? "small" : "big"} for a network`,
        at,
        `network.${name}`,
        hint,
      );
      return;
    }
    const base = formatIpv4(range.base);
    if (!text.startsWith(`${base}/`)) {
      this.#find(
        "config/bad-value",
        `${text} is an address in a network, not a network`,
        at,
        `network.${name}`,
        `Write ${base}/${range.prefix}.`,
      );
      return;
    }
    if (overlap(range, USER_MODE)) {
      const hint =
        "Every VM reaches the internet through 10.0.2.0/24: choose another range, such as 10.42.0.0/24.";
      this.#find(
        "config/address-clash",
        `${text} overlaps with the network that every VM has`,
        at,
        `network.${name}`,
        hint,
      );
      return;
    }
    this.#networks.set(name, { name, range, internet: internet === true, mtu: Number(mtu) });
  }

  #connect(vms: ReadonlyMap<string, VmDeclaration>): void {
    const entries: Entry[] = [];
    for (const vm of vms.values()) {
      const list = vm.settings.networks;
      if (Array.isArray(list) && list.length > 0) entries.push(...this.#entriesOf(vm, list));
    }
    if (entries.length === 0) return;
    const entriesOf = new Map<Network, Entry[]>();
    for (const entry of entries) {
      const own = entriesOf.get(entry.network) ?? [];
      entriesOf.set(entry.network, own);
      own.push(entry);
    }
    const held = heldAddresses(this.#around.input.recorded);
    const addresses = new Map(
      [...entriesOf].map(([network, own]) => [
        network.name,
        this.#allocate(network, own, held.get(network.name) ?? new Map()),
      ]),
    );
    const interfaces = new Map<string, InterfaceInputs[]>();
    for (const { vm, network, origin } of entries) {
      const address = addresses.get(network.name)?.get(vm.name);
      if (address === undefined) continue;
      if (address === null) {
        const hint = "Give the network a bigger cidr.";
        this.#find(
          "config/no-address-left",
          `network.${network.name} has no address left for vm.${vm.name}`,
          origin,
          `vm.${vm.name}`,
          hint,
        );
        continue;
      }
      const own = interfaces.get(vm.name) ?? [];
      interfaces.set(vm.name, own);
      const { name, range, mtu, internet } = network;
      const ip = formatIpv4(address);
      own.push({ name, ip, prefix: range.prefix, mac: this.#mac(name, vm.name), mtu, internet });
      const members = this.#members.get(name) ?? [];
      this.#members.set(name, members);
      const environment = vm.member?.environment;
      members.push({ name: vm.name, ip, ...(environment === undefined ? {} : { environment }) });
    }
    for (const [vm, own] of interfaces) this.#interfaces.set(vm, own);
  }

  #entriesOf(vm: VmDeclaration, list: readonly Json[]): Entry[] {
    const entries: Entry[] = [];
    for (const [index, value] of list.entries()) {
      const { name, ip } = tableOf(value);
      const origin = originInLayers(vm.layers, ["networks", index]);
      const network = this.#networks.get(String(name));
      if (network === undefined) {
        // One that is declared and wrong has its own finding.
        if (tableOf(this.#around.document.networks)[String(name)] === undefined) {
          const hint = nameHint(
            String(name),
            Object.keys(tableOf(this.#around.document.networks)),
            "networks",
          );
          const at = { ...origin, path: [...origin.path, "name"] };
          this.#find(
            "config/unknown-reference",
            `There is no network "${String(name)}"`,
            at,
            `vm.${vm.name}`,
            hint,
          );
        }
        continue;
      }
      const other = entries.find((entry) => overlap(entry.network.range, network.range));
      if (other !== undefined) {
        const same = other.network === network;
        const summary = same
          ? `vm.${vm.name} is in network.${network.name} twice`
          : `network.${other.network.name} and network.${network.name}, both of vm.${vm.name}, overlap`;
        const hint = same ? "Take one of the entries out." : "Give one of the networks another cidr.";
        this.#find("config/address-clash", summary, origin, `vm.${vm.name}`, hint);
        continue;
      }
      const declared = ip === undefined ? undefined : this.#declaredAddress(vm, network, ip, index);
      if (ip !== undefined && declared === undefined) continue;
      entries.push({ vm, network, origin, ...(declared === undefined ? {} : { declared }) });
    }
    return entries;
  }

  /** Undefined when it is wrong; the finding is made. */
  #declaredAddress(vm: VmDeclaration, network: Network, raw: Json, index: number): number | undefined {
    const site = { ...vmSite(vm, ["networks", index, "ip"]), onlyVars: true };
    const value = this.#around.evaluator.known(raw, "text", site);
    if (value === undefined) return undefined;
    const address = parseIpv4(String(value));
    if (address !== undefined && isHostAddress(address, network.range)) return address;
    const { base, last, prefix } = network.range;
    const summary =
      address === undefined
        ? `"${String(value)}" is no IPv4 address`
        : `${String(value)} is no address for a VM in network.${network.name}`;
    const hint = `The network is ${formatIpv4(base)}/${prefix}: choose one from ${formatIpv4(base + 1)} to ${formatIpv4(last - 1)}.`;
    this.#find("config/bad-value", summary, site.origin(), `vm.${vm.name}`, hint);
    return undefined;
  }

  /** `held`: what the state records in this network, by the VM's address. */
  #allocate(
    network: Network,
    own: readonly Entry[],
    held: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, number | null> {
    const holders = new Map<number, Entry>();
    const requests: AddressRequest[] = [];
    for (const entry of own) {
      const { vm, declared } = entry;
      const holder = declared === undefined ? undefined : holders.get(declared);
      if (holder !== undefined) this.#clash(entry, holder);
      else if (declared !== undefined) holders.set(declared, entry);
      const recorded = held.get(`vm.${vm.name}`);
      requests.push({
        name: vm.name,
        ...(declared === undefined ? {} : { declared }),
        ...(recorded === undefined ? {} : { recorded }),
      });
    }
    // One that is given up may be in use until its VM has been restarted or removed.
    return allocateAddresses(network.range, requests, new Set(held.values()));
  }

  #clash({ vm, origin, declared = 0, network }: Entry, holder: Entry): void {
    this.#around.findings.push({
      code: "config/address-clash",
      summary: `vm.${holder.vm.name} and vm.${vm.name} both have ${formatIpv4(declared)} in network.${network.name}`,
      origin: { ...origin, path: [...origin.path, "ip"] },
      related: [
        {
          message: `vm.${holder.vm.name} has it here`,
          origin: { ...holder.origin, path: [...holder.origin.path, "ip"] },
        },
      ],
      address: `vm.${vm.name}`,
      hint:
        vm.origin === holder.vm.origin
          ? "Leave ip out: vmlab then gives each its own."
          : "Choose another address, or leave ip out: vmlab then chooses one.",
    });
  }

  /**
   * Of this VM in this network for good, whatever else changes, also its name ([[moved]]): the guest knows its
   * interface by it. 0x52 marks it as locally administered.
   */
  #mac(network: string, vm: string): string {
    const recorded = recordedInterface(this.#around.input.recorded[`vm.${vm}`]?.inputs, network)?.mac;
    if (typeof recorded === "string") return recorded;
    const h = sha256(`vmlab interface ${this.#around.input.lineage} ${network} ${vm}`);
    return ["52", ...[0, 2, 4, 6, 8].map((at) => h.slice(at, at + 2))].join(":");
  }

  #find(code: string, summary: string, origin: Origin, address: string, hint: string | undefined): void {
    this.#around.findings.push({ code, summary, origin, address, ...(hint === undefined ? {} : { hint }) });
  }
}

/** By network, then by the VM's address. */
function heldAddresses(recorded: ExpandInput["recorded"]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const held = new Map<string, Map<string, number>>();
  for (const [address, { inputs }] of Object.entries(recorded)) {
    if (!address.startsWith("vm.") || !Array.isArray(inputs.networks)) continue;
    for (const { name, ip } of inputs.networks.filter(isJsonObject)) {
      const number = typeof ip === "string" ? parseIpv4(ip) : undefined;
      if (typeof name !== "string" || number === undefined) continue;
      const own = held.get(name) ?? new Map<string, number>();
      held.set(name, own);
      own.set(address, number);
    }
  }
  return held;
}

function recordedInterface(inputs: JsonObject | undefined, network: string): JsonObject | undefined {
  const list = inputs?.networks;
  if (!Array.isArray(list)) return undefined;
  return list.find((one: Json) => isJsonObject(one) && one.name === network) as JsonObject | undefined;
}
