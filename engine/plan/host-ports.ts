/** Declared host ports that a change gives up and takes: no two machines can hold one at a time. */
import { isJsonObject, type Json } from "../json.ts";

export interface PortMoves {
  readonly frees: readonly string[];
  readonly takes: readonly string[];
}

export const NO_PORTS: PortMoves = { frees: [], takes: [] };

/** Inputs of a VM before and after; absent when it is made or goes away. */
export function portMoves(before: object | undefined, after: object | undefined): PortMoves {
  const held = fixedPorts(before);
  const wanted = fixedPorts(after);
  if (held.length === 0 && wanted.length === 0) return NO_PORTS;
  return {
    frees: held.filter((port) => !wanted.includes(port)),
    takes: wanted.filter((port) => !held.includes(port)),
  };
}

/** `8080/tcp` of each `ADDRESS:8080:80/tcp`; the address is left out, as 0.0.0.0 holds every one. */
function fixedPorts(inputs: object | undefined): string[] {
  const ports: Json | undefined = isJsonObject(inputs) ? inputs.ports : undefined;
  if (!Array.isArray(ports)) return [];
  return ports.flatMap((port: Json) => {
    const [, host, protocol] = /^[^:]*:([0-9]+):[0-9]+\/(tcp|udp)$/.exec(String(port)) ?? [];
    return host === undefined || host === "0" ? [] : [`${host}/${protocol}`];
  });
}
