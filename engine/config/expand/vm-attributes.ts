/** What expressions may read of a VM, from its inputs; deferred values stay expressions. */
import type { Json, JsonObject } from "../../json.ts";
import { guestPortKey, parsePort } from "../ports.ts";
import type { InterfaceInputs, VmInputs } from "../types.ts";

export function vmAttributes(name: string, inputs: VmInputs): JsonObject {
  const ports: Record<string, number | null> = {};
  for (const text of inputs.ports) {
    const port = typeof text === "string" ? parsePort(text) : undefined;
    if (port !== undefined) ports[guestPortKey(port)] = port.host === 0 ? null : port.host;
  }
  return {
    name,
    hostname: name,
    image: inputs.image ?? "",
    role: inputs.role ?? "",
    user: inputs.login.user as Json,
    cpus: inputs.cpus as Json,
    memory: inputs.memory as Json,
    disk: inputs.disk as Json,
    labels: inputs.labels as JsonObject,
    ports,
    ...networkAttributes(inputs.networks ?? []),
  };
}

/** `ip` and `mac` are those in the first network; empty for a VM in none. */
export function networkAttributes(interfaces: readonly InterfaceInputs[]): JsonObject {
  const [first] = interfaces;
  return {
    ip: first?.ip ?? "",
    mac: first?.mac ?? "",
    networks: Object.fromEntries(interfaces.map(({ name, ip, mac }) => [name, { ip, mac }])),
  };
}
