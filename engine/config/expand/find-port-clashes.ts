/** Two VMs of a lab cannot listen on one host port of one address. */
import { isJsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import type { VmInputs } from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import { originInLayers } from "./layers.ts";

interface Holder {
  readonly vm: VmDeclaration;
  readonly index: number;
  readonly address: string;
}

const ANY = "0.0.0.0";

export function findPortClashes(
  vms: Iterable<{ readonly vm: VmDeclaration; readonly inputs: VmInputs }>,
): Finding[] {
  const findings: Finding[] = [];
  /** By host port and protocol. */
  const held = new Map<string, Holder[]>();
  for (const { vm, inputs } of vms) {
    for (const [index, port] of inputs.ports.entries()) {
      // Most ports are left to the kernel.
      if (isJsonObject(port) || String(port).includes(":0:")) continue;
      const [address = "", host = "0", guest = ""] = String(port).split(":");
      const key = `${host}/${guest.split("/")[1]}`;
      const holders = held.get(key) ?? [];
      held.set(key, holders);
      const other = holders.find((one) => one.address === address || one.address === ANY || address === ANY);
      if (other === undefined) {
        holders.push({ vm, index, address });
        continue;
      }
      findings.push(clash(`${address}:${host}`, { vm, index, address }, other));
    }
  }
  return findings;
}

function clash(what: string, holder: Holder, other: Holder): Finding {
  const place = ({ vm, index }: Holder) => originInLayers(vm.layers, ["ports", index]);
  const same = holder.vm.origin === other.vm.origin && holder.vm !== other.vm;
  const names =
    holder.vm === other.vm
      ? `vm.${holder.vm.name} forwards ${what} twice`
      : `vm.${other.vm.name} and vm.${holder.vm.name} both forward ${what}`;
  return {
    code: "config/port-clash",
    summary: names,
    origin: place(holder),
    related: [{ message: `vm.${other.vm.name} takes it here`, origin: place(other) }],
    address: `vm.${holder.vm.name}`,
    hint:
      same && holder.vm.scope.index !== undefined
        ? 'Compute it, such as "${8080 + count.index}:80", or leave the host port out: the kernel then chooses one.'
        : "Choose another host port, or leave it out: the kernel then chooses one.",
  };
}
