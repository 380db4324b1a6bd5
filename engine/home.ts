/** Where everything host-wide lies. */
import { join } from "node:path";

export interface Home {
  readonly root: string;
  readonly images: string;
  readonly vms: string;
  /** Layers of disks that clones share. */
  readonly layers: string;
  readonly volumes: string;
  readonly downloads: string;
  readonly trash: string;
  readonly labs: string;
  readonly keys: string;
  /** OpenSSH configurations of labs, for an Include in the user's own. */
  readonly ssh: string;
  readonly cache: string;
  readonly configFile: string;
}

/** The folders below VMLAB_HOME (default: vmlab under XDG_DATA_HOME, or ~/.local/share/vmlab). */
export function homeFrom(env: Readonly<Record<string, string | undefined>>): Home {
  const data = env.XDG_DATA_HOME || join(env.HOME ?? "/", ".local", "share");
  const root = env.VMLAB_HOME || join(data, "vmlab");
  return {
    root,
    images: join(root, "images"),
    vms: join(root, "vms"),
    layers: join(root, "layers"),
    volumes: join(root, "volumes"),
    downloads: join(root, "downloads"),
    trash: join(root, "trash"),
    labs: join(root, "labs"),
    keys: join(root, "keys"),
    ssh: join(root, "ssh"),
    cache: join(root, "cache"),
    configFile: join(root, "config.toml"),
  };
}
