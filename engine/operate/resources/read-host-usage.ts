/** Looks at everything that vmlab has on this host. */
import { join } from "node:path";
import type { Providers } from "../../../providers/provider.ts";
import type { Diagnostic } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { backupsFolder } from "../../host/backup/places.ts";
import { type BuildTicket, buildsUnderWay } from "../../host/build-slots.ts";
import { readHostConfig } from "../../host/host-config.ts";
import { readLedger } from "../../host/labs.ts";
import { allocatedBytes } from "./allocated-bytes.ts";
import { type HostUsage, hostUsage, type StoredBytes } from "./host-usage.ts";
import { UsageMeter } from "./usage-meter.ts";

/** How long CPUs are watched to tell how much of them is used. */
const WINDOW_MS = 1_000;

export interface HostLook {
  readonly usage: HostUsage;
  /** Images that are being built: they wait for room, and are not part of what is reserved. */
  readonly builds: readonly BuildTicket[];
  /** Warnings about records that cannot be read. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Takes a second. Rejects with the signal's reason. */
export async function readHostUsage(
  effects: Effects,
  home: Home,
  providers: Pick<Providers, "vm" | "volume">,
  signal: AbortSignal,
): Promise<HostLook> {
  const { host, files, clock } = effects;
  const volumes = await providers.volume.usage();
  const [config, ledger, bootId, memory, measured, builds] = await Promise.all([
    readHostConfig(effects, home),
    readLedger(effects, home),
    host.bootId(),
    host.memory(),
    new UsageMeter(providers.vm, clock).measure(undefined, WINDOW_MS, signal),
    buildsUnderWay(effects, home),
  ]);
  const [disk, stored, observed] = await Promise.all([
    host.disk(home.root),
    storedBytes(files, home),
    providers.vm.read([...measured.keys()]),
  ]);
  const usage = hostUsage({
    ...{ limits: config.limits, bootId, observed, volumes, stored },
    host: { cpus: host.cpus(), memory, disk },
    labs: ledger.labs,
    vms: [...measured.values()],
  });
  return { usage, builds, diagnostics: ledger.diagnostics };
}

async function storedBytes(files: Effects["files"], home: Home): Promise<StoredBytes> {
  const known: Readonly<Record<string, Exclude<keyof StoredBytes, "other">>> = {
    [home.vms]: "vms",
    [home.layers]: "layers",
    [home.volumes]: "volumes",
    [home.images]: "images",
    [home.trash]: "trash",
    [backupsFolder(home)]: "backups",
    [home.downloads]: "downloads",
  };
  const stored = {
    ...{ vms: 0, layers: 0, volumes: 0, images: 0, trash: 0, backups: 0, downloads: 0, other: 0 },
  };
  for (const name of await files.list(home.root)) {
    const path = join(home.root, name);
    // A part that was moved to another disk, with a link in its place.
    const real = (await files.realPath(path)) ?? path;
    stored[known[path] ?? "other"] += await allocatedBytes(files, real);
  }
  return stored;
}
