/** The host's ledger: one file a lab under `VMLAB_HOME/labs`, saying which images it leases and what its VMs and volumes
 * take. */

import { join } from "node:path";
import { type Diagnostic, warning } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";
import { isJsonObject } from "../json.ts";
import { readTextIfThere } from "../read-text-if-there.ts";

export const LEDGER_VERSION = 1;

/** One lab's entry; bytes. */
export interface LedgerLab {
  readonly version: typeof LEDGER_VERSION;
  readonly lineage: string;
  readonly name: string;
  /** Absolute path of the lab's folder. */
  readonly folder: string;
  readonly host: string;
  /** The boot in which `running` was true; after a reboot nothing runs. */
  readonly bootId?: string;
  /** Digests of images that must stay in the store. */
  readonly leases: readonly string[];
  /** By VM name. */
  readonly reservations: Readonly<Record<string, Reservation>>;
  /** Sizes by volume name; absent: there are none, or the entry was written before they were counted. */
  readonly volumes?: Readonly<Record<string, number>>;
  /** False: its machines take nothing of this host, whatever they reserve. */
  readonly usesHost?: boolean;
}

export interface Reservation {
  readonly cpus: number;
  readonly memory: number;
  /** Virtual size of the disk. */
  readonly disk: number;
  readonly running: boolean;
}

export interface Ledger {
  /** By lineage, in its order. */
  readonly labs: readonly LedgerLab[];
  /** Warnings about entries that cannot be read; whoever prunes images must not go on with any. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The entries of all labs on this host. */
export async function readLedger(effects: Pick<Effects, "files">, home: Home): Promise<Ledger> {
  const labs: LedgerLab[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const name of await effects.files.list(home.labs)) {
    if (!/^[0-9a-f]+\.json$/.test(name)) continue;
    const path = join(home.labs, name);
    const entry = await readEntry(effects, path);
    if (entry === "damaged") diagnostics.push(damaged(path));
    else if (entry !== undefined) labs.push(entry);
  }
  return { labs, diagnostics };
}

/** One lab's entry; undefined when it has none or it is damaged. */
export async function readLab(
  effects: Pick<Effects, "files">,
  home: Home,
  lineage: string,
): Promise<LedgerLab | undefined> {
  const entry = await readEntry(effects, entryFile(home, lineage));
  return entry === "damaged" ? undefined : entry;
}

/** Writes a lab's entry as a whole, durably. Call it under the host lock `labs`. */
export async function writeLab(effects: Pick<Effects, "files">, home: Home, lab: LedgerLab): Promise<void> {
  await effects.files.makeDir(home.labs);
  await effects.files.write(entryFile(home, lab.lineage), `${JSON.stringify(lab, undefined, 2)}\n`);
}

/** Gives up everything that a lab leased and reserved. */
export async function removeLab(effects: Pick<Effects, "files">, home: Home, lineage: string): Promise<void> {
  await effects.files.remove(entryFile(home, lineage));
}

/** All labs but one. */
export function otherLabs(labs: readonly LedgerLab[], lineage: string): readonly LedgerLab[] {
  return labs.filter((lab) => lab.lineage !== lineage);
}

/** What VMs that run now take of this host: those of an earlier boot do not run. */
export function runningReservations(lab: LedgerLab, bootId: string): [name: string, Reservation][] {
  if (lab.usesHost === false) return [];
  if (lab.bootId !== undefined && lab.bootId !== bootId) return [];
  return Object.entries(lab.reservations).filter(([, reservation]) => reservation.running);
}

/** What a lab's disks and volumes come to take of this host when every one is full, whether its VMs run or not. */
export function fullDisks({ usesHost, reservations, volumes = {} }: LedgerLab): number {
  if (usesHost === false) return 0;
  const sizes = [...Object.values(reservations).map(({ disk }) => disk), ...Object.values(volumes)];
  return sizes.reduce((total, size) => total + size, 0);
}

async function readEntry(
  effects: Pick<Effects, "files">,
  path: string,
): Promise<LedgerLab | "damaged" | undefined> {
  // It may have been removed since the folder was listed.
  const text = await readTextIfThere(effects.files, path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isLab(value) ? value : "damaged";
  } catch {
    return "damaged";
  }
}

function isLab(value: unknown): value is LedgerLab {
  return (
    isJsonObject(value) &&
    value.version === LEDGER_VERSION &&
    ["lineage", "name", "folder", "host"].every((field) => typeof value[field] === "string") &&
    Array.isArray(value.leases) &&
    value.leases.every((lease) => typeof lease === "string") &&
    isJsonObject(value.reservations) &&
    Object.values(value.reservations).every(isReservation) &&
    (value.volumes === undefined ||
      (isJsonObject(value.volumes) && Object.values(value.volumes).every((size) => typeof size === "number")))
  );
}

function isReservation(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    ["cpus", "memory", "disk"].every((field) => typeof value[field] === "number") &&
    typeof value.running === "boolean"
  );
}

function damaged(path: string): Diagnostic {
  return warning({
    code: "host/damaged-ledger",
    summary: `The record of a lab's images and reservations cannot be read: ${path}`,
    detail: "What that lab uses of this host is not counted.",
    hint: "Run `vmlab apply` in that lab to write it anew, or remove the file if the lab is gone.",
  });
}

function entryFile(home: Home, lineage: string): string {
  // A lineage from a state file ends up in a path.
  if (!/^[0-9a-f]+$/.test(lineage)) throw new Error(`not a lineage: ${lineage}`);
  return join(home.labs, `${lineage}.json`);
}
