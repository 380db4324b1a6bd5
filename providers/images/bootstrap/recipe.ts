/** What a bootstrapped image is made of. Everything here is part of the recipe: a change needs a new version. */

/**
 * Version of the bootstrap recipe. Part of the image's key and pinned in vmlab.lock: a vmlab with a newer recipe goes
 * on using images of the older one until the user upgrades.
 */
export const BOOTSTRAP_RECIPE = 2;

export type Distribution = "debian" | "ubuntu";

/** Releases whose systemd package still contains systemd-resolved; later ones ship it as a package of its own. */
const RESOLVED_INSIDE_SYSTEMD = new Set(["buster", "bullseye", "bionic", "focal", "jammy"]);

/**
 * Packages of an image, sorted: what a general-purpose cloud image needs on top of mmdebstrap's "minbase" (essential
 * packages and apt), plus the user's own.
 */
export function bootstrapPackages(
  distribution: Distribution,
  suite: string,
  extra: readonly string[],
): readonly string[] {
  const kernel = distribution === "debian" ? "linux-image-cloud-amd64" : "linux-image-virtual";
  const resolved = RESOLVED_INSIDE_SYSTEMD.has(suite) ? [] : ["systemd-resolved"];
  const all = [
    // Boot: a kernel for virtual machines, and GRUB without its installer packages, which would ask for a disk.
    kernel,
    "initramfs-tools",
    "lz4",
    "grub-pc-bin",
    "grub-efi-amd64-bin",
    "grub2-common",
    // System
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "e2fsprogs",
    "fdisk",
    "zstd",
    // Network
    ...resolved,
    "netplan.io",
    "netbase",
    "iproute2",
    "iputils-ping",
    "netcat-openbsd",
    "ca-certificates",
    "curl",
    // Guest integration
    "cloud-init",
    "cloud-guest-utils",
    "openssh-server",
    "qemu-guest-agent",
    // What people expect at a prompt
    "sudo",
    "less",
    "procps",
    "vim-tiny",
    "bash-completion",
    ...extra,
  ];
  return [...new Set(all)].sort();
}
