/** Settings of this host: `config.toml` under VMLAB_HOME. */

import type { HostConfig as HostSettings } from "../../generated/host-config-types.ts";
import type { Effects, Host } from "../effects.ts";
import type { Home } from "../home.ts";
import { readTextIfThere } from "../read-text-if-there.ts";
import { parseDuration, parseSize } from "../units.ts";

/** What vmlab may use of this host, over all labs; bytes. */
export interface HostLimits {
  readonly cpus: number;
  /** For all running VMs together; already without the reserve. */
  readonly memory: number;
  /** What the host has. */
  readonly memoryTotal: number;
  readonly memoryReserve: number;
  /** For the disks and volumes of all labs when every one is full. Absent: no limit. */
  readonly disk?: number;
  readonly diskReserve: number;
  /** Absent: no limit. */
  readonly vms?: number;
  /** VMs that may be booting at the same time. */
  readonly parallelStarts: number;
}

export interface HostConfig {
  readonly limits: HostLimits;
  readonly builds: {
    /** Images that may be built at the same time. */
    readonly parallel: number;
  };
  readonly store: {
    /** How long an image that nobody needs is kept; 0: not at all. */
    readonly keepMs: number;
    /** Older images of a lab are worth a note. */
    readonly maxAgeMs: number;
  };
  readonly trash: {
    /** How long a deleted VM is kept; 0: not at all. */
    readonly keepMs: number;
  };
}

const DEFAULT_CPUS_PER_CPU = 4;
const DEFAULT_MEMORY_RESERVE = "1GiB";
const DEFAULT_DISK_RESERVE = "2GiB";
const DEFAULT_STORE_KEEP = "14d";
const DEFAULT_STORE_MAX_AGE = "90d";
const DEFAULT_TRASH_KEEP = "7d";

/** The host's settings, with defaults from the host itself. A mistake in config.toml is refused with its place. */
export async function readHostConfig(
  effects: Pick<Effects, "files" | "host">,
  home: Home,
): Promise<HostConfig> {
  return await hostConfigOf(await readSettings(effects, home), effects.host);
}

/** What settings, as written, come to on a host. */
export async function hostConfigOf(
  { limits = {}, builds = {}, store = {}, trash = {} }: HostSettings,
  host: Pick<Host, "memory" | "cpus">,
): Promise<HostConfig> {
  const { total } = await host.memory();
  const memoryReserve = sizeOf(limits.memory_reserve ?? DEFAULT_MEMORY_RESERVE);
  const most = Math.max(0, total - memoryReserve);
  return {
    limits: {
      cpus: limits.cpus ?? host.cpus() * DEFAULT_CPUS_PER_CPU,
      memory: limits.memory === undefined ? most : Math.min(sizeOf(limits.memory), most),
      memoryTotal: total,
      memoryReserve,
      ...(limits.disk === undefined ? {} : { disk: sizeOf(limits.disk) }),
      diskReserve: sizeOf(limits.disk_reserve ?? DEFAULT_DISK_RESERVE),
      ...(limits.vms === undefined ? {} : { vms: limits.vms }),
      parallelStarts: limits.parallel_starts ?? Math.max(2, Math.floor(host.cpus() / 2)),
    },
    builds: { parallel: builds.parallel ?? Math.max(1, Math.floor(host.cpus() / 2)) },
    store: {
      keepMs: parseDuration(store.keep ?? DEFAULT_STORE_KEEP) ?? 0,
      maxAgeMs: parseDuration(store.max_age ?? DEFAULT_STORE_MAX_AGE) ?? 0,
    },
    trash: { keepMs: parseDuration(trash.keep ?? DEFAULT_TRASH_KEEP) ?? 0 },
  };
}

async function readSettings(effects: Pick<Effects, "files">, home: Home): Promise<HostSettings> {
  const text = await readTextIfThere(effects.files, home.configFile);
  if (text === undefined) return {};
  const { parseHostConfig } = await import("./parse-host-config.ts");
  return await parseHostConfig(text, home.configFile);
}

/** The schema has let only sizes through. */
function sizeOf(value: string | number): number {
  return parseSize(value) ?? 0;
}
