/** Addresses in a network: what is written down, what was given before, and for the others the lowest free ones. */
import { type Ipv4Network, isHostAddress } from "../ipv4.ts";

export interface AddressRequest {
  readonly name: string;
  /** As declared. */
  readonly declared?: number;
  /** As recorded: stays as long as it can. */
  readonly recorded?: number;
}

/**
 * By name; null where the network has none left. An address once given never moves because another member comes or
 * goes: only a declared one that it clashes with takes it away. `avoided` are those of members that are about to go,
 * and are given out last. O(members + avoided).
 */
export function allocateAddresses(
  network: Ipv4Network,
  requests: readonly AddressRequest[],
  avoided: ReadonlySet<number>,
): ReadonlyMap<string, number | null> {
  const given = new Map<string, number | null>();
  const taken = new Set<number>();
  const give = (name: string, address: number): void => {
    given.set(name, address);
    taken.add(address);
  };
  for (const { name, declared } of requests) if (declared !== undefined) give(name, declared);
  for (const { name, recorded } of requests) {
    if (given.has(name) || recorded === undefined || taken.has(recorded)) continue;
    // The network may be another one by now.
    if (isHostAddress(recorded, network)) give(name, recorded);
  }
  const fresh = freeAddresses(network, taken, avoided);
  for (const { name } of requests) {
    if (given.has(name)) continue;
    const next = fresh.next();
    if (next.done === true) given.set(name, null);
    else give(name, next.value);
  }
  return given;
}

/** The first address is left to whatever may be a gateway one day. */
function* freeAddresses(
  network: Ipv4Network,
  taken: ReadonlySet<number>,
  avoided: ReadonlySet<number>,
): Generator<number> {
  const { base, last } = network;
  const first = Math.min(base + 2, last - 1);
  for (let address = first; address < last; address++)
    if (!taken.has(address) && !avoided.has(address)) yield address;
  for (const address of avoided) if (!taken.has(address) && isHostAddress(address, network)) yield address;
  if (first > base + 1 && !taken.has(base + 1) && !avoided.has(base + 1)) yield base + 1;
}
