/** Forwarded ports: `[ADDRESS:][HOST:]GUEST[/udp]` as written, `ADDRESS:HOST:GUEST/PROTO` inside. */

export interface PortDeclaration {
  readonly address: string;
  /** 0: the kernel chooses. */
  readonly host: number;
  readonly guest: number;
  readonly protocol: "tcp" | "udp";
}

const PORT = /^(?:(?:([0-9]{1,3}(?:\.[0-9]{1,3}){3}):)?([0-9]{1,5}):)?([0-9]{1,5})(?:\/(tcp|udp))?$/;

/** Undefined when the text is no port, or a number is out of range. */
export function parsePort(text: string): PortDeclaration | undefined {
  const match = PORT.exec(text);
  if (match === null) return undefined;
  const [, address = "127.0.0.1", hostText, guestText, protocol = "tcp"] = match;
  const host = hostText === undefined ? 0 : Number(hostText);
  const guest = Number(guestText);
  if (address.split(".").some((part) => Number(part) > 255)) return undefined;
  // Host port 0 is how the normalised form says "the kernel chooses".
  if (guest < 1 || guest > 65535 || host > 65535) return undefined;
  return { address, host, guest, protocol: protocol === "udp" ? "udp" : "tcp" };
}

export function portText({ address, host, guest, protocol }: PortDeclaration): string {
  return `${address}:${host}:${guest}/${protocol}`;
}

/** The key under which expressions find a port: `80`, `53/udp`. */
export function guestPortKey({ guest, protocol }: Pick<PortDeclaration, "guest" | "protocol">): string {
  return protocol === "udp" ? `${guest}/udp` : String(guest);
}
