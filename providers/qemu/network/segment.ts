/**
 * A network's segment: a multicast group and port on the loopback interface, in which QEMU's socket backend exchanges
 * frames (qemu(1), -netdev socket,mcast=). It needs no daemon and no root, and no member's end or restart is felt by
 * the others. Whoever is in the same group and on the same port sees all frames: both are chosen so that no other
 * network has them, and recorded.
 */

import { join } from "node:path";
import { fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { sha256 } from "../../../engine/json.ts";
import { readTextIfThere } from "../../../engine/read-text-if-there.ts";
import type { NetworkSpec } from "../../provider.ts";

export interface Segment {
  /** In 239.0.0.0/8, the administratively scoped block (RFC 2365). */
  readonly group: string;
  readonly port: number;
}

/** The content of networks/<id>.json. */
interface NetworkRecord extends Segment {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly lab: { readonly name: string; readonly lineage: string };
}

const FIRST_PORT = 20_000;
const PORTS = 40_000;

/** Idempotent on the id. */
export async function makeSegment(effects: Effects, home: Home, spec: NetworkSpec): Promise<Segment> {
  return await withHostLock(effects, home, "networks", async () => {
    const existing = await readSegment(effects, home, spec.id);
    if (existing !== undefined) return existing;
    const taken = new Set([...(await recorded(effects, home)), ...(await bound(effects))]);
    const segment = choose(spec.id, taken);
    const { lab, id, name } = spec;
    const record: NetworkRecord = {
      version: 1,
      id,
      name,
      lab: { name: lab.name, lineage: lab.lineage },
      ...segment,
    };
    await effects.files.makeDir(folderOf(home));
    await effects.files.write(recordPath(home, id), `${JSON.stringify(record, undefined, 2)}\n`);
    return segment;
  });
}

/** Undefined when there is no such network. */
export async function readSegment(effects: Effects, home: Home, id: string): Promise<Segment | undefined> {
  const path = recordPath(home, id);
  const text = await readTextIfThere(effects.files, path);
  if (text === undefined) return undefined;
  const record = parse(text);
  if (record !== undefined) return { group: record.group, port: record.port };
  return fail({
    code: "qemu/bad-record",
    summary: `the record of a network cannot be read: ${path}`,
    detail: "It was edited, damaged, or written by a newer version of vmlab.",
    hint: `Stop the VMs of the network, remove the file, and run \`vmlab apply\`, which makes it anew.`,
  });
}

export async function removeSegment(effects: Effects, home: Home, id: string): Promise<void> {
  await effects.files.remove(recordPath(home, id));
}

/** The networks of a lab that has no VM any more. */
export async function removeSegmentsOf(effects: Effects, home: Home, lineage: string): Promise<void> {
  for (const record of await records(effects, home))
    if (record.lab.lineage === lineage) await removeSegment(effects, home, record.id);
}

/** Candidates follow from the id, so that networks of other VMLAB_HOMEs, which are not seen here, hardly ever meet. */
export function choose(id: string, taken: ReadonlySet<string>): Segment {
  for (let attempt = 0; ; attempt++) {
    const h = Buffer.from(sha256(`vmlab segment ${id} ${attempt}`), "hex");
    const group = `239.${h[0]}.${h[1]}.${h[2]}`;
    const port = FIRST_PORT + (h.readUInt32BE(4) % PORTS);
    if (!taken.has(`${group}:${port}`)) return { group, port };
  }
}

async function recorded(effects: Effects, home: Home): Promise<string[]> {
  return (await records(effects, home)).map(({ group, port }) => `${group}:${port}`);
}

async function records(effects: Effects, home: Home): Promise<NetworkRecord[]> {
  const found: NetworkRecord[] = [];
  for (const name of await effects.files.list(folderOf(home))) {
    if (!/^[0-9a-f]{12}\.json$/.test(name)) continue;
    const text = await readTextIfThere(effects.files, join(folderOf(home), name));
    const record = text === undefined ? undefined : parse(text);
    if (record !== undefined) found.push(record);
  }
  return found;
}

/**
 * Groups and ports that some process has bound, by /proc/net/udp (proc_net_udp(5): the local address in hexadecimal,
 * in the byte order of the host). Empty where there is no such file.
 */
async function bound(effects: Effects): Promise<string[]> {
  let text: string;
  try {
    text = await effects.files.readText("/proc/net/udp");
  } catch {
    return [];
  }
  return boundAddresses(text);
}

export function boundAddresses(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*\d+: ([0-9A-F]{8}):([0-9A-F]{4}) /.exec(line);
    if (match === null) return [];
    const [, address = "", port = ""] = match;
    const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(address.slice(at, at + 2), 16));
    return [`${bytes.join(".")}:${Number.parseInt(port, 16)}`];
  });
}

function parse(text: string): NetworkRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<NetworkRecord> | null;
    const valid =
      value?.version === 1 &&
      typeof value.group === "string" &&
      /^239(\.\d{1,3}){3}$/.test(value.group) &&
      Number.isInteger(value.port);
    return valid ? (value as NetworkRecord) : undefined;
  } catch {
    return undefined;
  }
}

function folderOf(home: Home): string {
  return join(home.root, "networks");
}

function recordPath(home: Home, id: string): string {
  return join(folderOf(home), `${id}.json`);
}
