/**
 * Forwarded ports of the user-mode network. QEMU's monitor is the authority: what `info usernet` lists is what is
 * bound; port 0 in a rule lets the kernel choose, so that no port is ever probed and then lost to another program.
 */
import { isIPv4 } from "node:net";
import { fail } from "../../engine/diagnostics.ts";
import type { ForwardedPort, PortForward } from "../provider.ts";
import { USER_NETWORK } from "./command-line.ts";
import type { QmpConnection } from "./qmp.ts";

/** A forward of a VM. */
export interface Forward extends ForwardedPort {
  /** True when the host port was left to the kernel. */
  readonly chosen: boolean;
}

/** A bound rule as the monitor lists it. */
export interface BoundForward {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly host: number;
  readonly guest: number;
}

const SSH: Forward = {
  purpose: "ssh",
  address: "127.0.0.1",
  host: 0,
  guest: 22,
  protocol: "tcp",
  chosen: true,
};

/** A forward as others see it. */
export function forwardedPort({ address, host, guest, protocol, purpose }: Forward): ForwardedPort {
  return { address, host, guest, protocol, purpose };
}

/** What to ask for at a start: where the kernel chooses, the port of the last start is asked for first. */
export function wantedForwards(ports: readonly PortForward[], previous: readonly Forward[]): Forward[] {
  const declared = ports.map((port): Forward => ({ ...port, purpose: "declared", chosen: port.host === 0 }));
  return [SSH, ...declared].map((forward) => {
    if (!forward.chosen) return forward;
    const before = previous.find((p) => p.chosen && sameTarget(p, forward));
    return before === undefined ? forward : { ...forward, host: before.host };
  });
}

/** True when both lead to the same guest port from the same address for the same purpose. */
export function sameTarget(a: Forward, b: Forward): boolean {
  return (
    a.purpose === b.purpose && a.address === b.address && a.guest === b.guest && a.protocol === b.protocol
  );
}

/** The rule as `hostfwd` spells it. Addresses are checked: the monitor's text has no quoting. */
export function hostForwardRule(forward: PortForward): string {
  if (!isIPv4(forward.address)) {
    fail({
      code: "qemu/bad-address",
      summary: `ports can be bound to IPv4 addresses only, not to "${forward.address}"`,
      hint: "Write 127.0.0.1, 0.0.0.0 or an address of this host.",
    });
  }
  return `${forward.protocol}:${forward.address}:${forward.host}-:${forward.guest}`;
}

/** The forwards in `info usernet`; its other rows are live connections. Columns: protocol[state], fd, source address,
 * port, destination address, port, two queue lengths. */
export function parseUsernet(text: string): BoundForward[] {
  const forwards: BoundForward[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+\S+\s+(\d+)\s/.exec(line);
    if (match === null) continue;
    const [, protocol, address, host, guest] = match;
    forwards.push({
      protocol: protocol === "TCP" ? "tcp" : "udp",
      address: address === "*" ? "0.0.0.0" : (address ?? ""),
      host: Number(host),
      guest: Number(guest),
    });
  }
  return forwards;
}

/** The bound forwards of a running VM. */
export async function boundForwards(qmp: QmpConnection): Promise<BoundForward[]> {
  return parseUsernet(await qmp.monitor("info usernet"));
}

/**
 * Fills in the host ports that the kernel chose. Of two rules with the same target one may have a fixed port, so
 * fixed ones take theirs first.
 */
export function resolveForwards(wanted: readonly Forward[], bound: readonly BoundForward[]): Forward[] {
  const free = [...bound];
  const take = (match: (b: BoundForward) => boolean): BoundForward | undefined => {
    const at = free.findIndex(match);
    return at < 0 ? undefined : free.splice(at, 1)[0];
  };
  const target = (f: Forward, b: BoundForward): boolean =>
    b.protocol === f.protocol && b.address === f.address && b.guest === f.guest;
  const fixed = new Map<Forward, BoundForward | undefined>();
  for (const forward of wanted) {
    if (forward.host !== 0)
      fixed.set(
        forward,
        take((b) => target(forward, b) && b.host === forward.host),
      );
  }
  return wanted.map((forward) => {
    const found = fixed.get(forward) ?? take((b) => target(forward, b));
    if (found !== undefined) return { ...forward, host: found.host };
    throw new Error(`the monitor does not list the forward ${hostForwardRule(forward)}`);
  });
}

/** Binds a port of a running VM. Throws {@link ForwardRefused} when the system refuses it. */
export async function addForward(qmp: QmpConnection, forward: Forward): Promise<void> {
  const answer = (await qmp.monitor(`hostfwd_add ${USER_NETWORK} ${hostForwardRule(forward)}`)).trim();
  // A refusal comes as text in a successful return; success says nothing.
  if (answer !== "") throw new ForwardRefused(forward, answer);
}

/** Unbinds a port of a running VM; one that is not bound is no error. */
export async function removeForward(qmp: QmpConnection, forward: Forward): Promise<void> {
  const rule = `${forward.protocol}:${forward.address}:${forward.host}`;
  const answer = (await qmp.monitor(`hostfwd_remove ${USER_NETWORK} ${rule}`)).trim();
  if (!/removed$|not found$/.test(answer)) throw new Error(`hostfwd_remove ${rule}: ${answer}`);
}

/** QEMU could not bind a host port. */
export class ForwardRefused extends Error {
  override readonly name = "ForwardRefused";
  readonly forward: Forward;

  constructor(forward: Forward, answer: string) {
    super(answer);
    this.forward = forward;
  }
}

/** The rule that QEMU names in its refusal to start, or undefined when that was not the reason. */
export function refusedRule(stderr: string): string | undefined {
  return /Could not set up host forwarding rule '([^']+)'/.exec(stderr)?.[1];
}
