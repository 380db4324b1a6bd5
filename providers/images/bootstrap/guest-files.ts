/** The files that a bootstrapped image carries beyond its packages. Part of the recipe (recipe.ts). */

export interface GuestFile {
  /** Absolute path in the guest. */
  readonly path: string;
  readonly content: string;
}

/** Volume label of the root file system. */
export const ROOT_LABEL = "vmlab-root";
/** Volume label of the EFI system partition. */
export const EFI_LABEL = "UEFI";

/**
 * Kernel arguments. The last console is /dev/console, where boot messages and the login prompt go; interfaces keep
 * their classic names, so that the first is eth0 on every machine type; without mitigations a lab VM boots and runs
 * noticeably faster under emulation (whoever runs hostile code in a lab edits /etc/default/grub); on a busy host an
 * emulated timer fails the kernel's check of it, which panics without need.
 */
const KERNEL_ARGUMENTS = "console=tty0 console=ttyS0,115200 net.ifnames=0 mitigations=off no_timer_check";

/** Placed before packages are configured, so that the initrd is made once, with them. */
export function earlyGuestFiles(): readonly GuestFile[] {
  return [
    // Only what a virtual machine can boot from, quickly unpacked.
    { path: "/etc/initramfs-tools/conf.d/vmlab", content: "MODULES=list\nCOMPRESS=lz4\n" },
    {
      path: "/usr/share/initramfs-tools/modules.d/vmlab",
      content: lines(
        "virtio_pci",
        "virtio_blk",
        "virtio_scsi",
        "sd_mod",
        "nvme",
        "ahci",
        "ata_piix",
        "virtio_net",
        "ext4",
      ),
    },
  ];
}

/** Placed when all packages are installed. `rootUuid` is the UUID of the root file system. */
export function guestFiles(rootUuid: string): readonly GuestFile[] {
  return [
    {
      path: "/etc/fstab",
      // Nothing in the guest changes the EFI partition: it is not mounted, which spares every boot a file system check.
      content: lines(
        `UUID=${rootUuid} / ext4 rw,noatime,errors=remount-ro 0 1`,
        `LABEL=${EFI_LABEL} /boot/efi vfat noauto,nofail,umask=0077 0 0`,
      ),
    },
    // mmdebstrap copies the builder's own name.
    { path: "/etc/hostname", content: "localhost\n" },
    { path: "/etc/cloud/cloud.cfg.d/90_vmlab.cfg", content: CLOUD_INIT },
    {
      path: "/etc/ssh/sshd_config.d/50-vmlab.conf",
      content:
        "# No reverse look-up of clients: it delays every login behind user-mode networking.\nUseDNS no\n",
    },
    { path: "/etc/default/grub", content: grubDefaults() },
    { path: "/boot/grub/early.cfg", content: earlyGrubConfig(rootUuid) },
    { path: "/boot/grub/grub.cfg", content: grubConfig(rootUuid) },
  ];
}

/** Units that cost every boot time, or that wake up behind the user's back and hold apt's lock. */
export const MASKED_UNITS: readonly string[] = [
  "apt-daily.timer",
  "apt-daily.service",
  "apt-daily-upgrade.timer",
  "apt-daily-upgrade.service",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "man-db.timer",
  "modprobe@drm.service",
  "modprobe@efi_pstore.service",
  "systemd-networkd-wait-online.service",
];

/** Units that a base system leaves off. */
export const ENABLED_UNITS: readonly string[] = [
  "systemd-networkd.service",
  "systemd-resolved.service",
  "serial-getty@ttyS0.service",
];

/**
 * cloud-init: the seed that vmlab attaches, or none. The module lists leave out what only clouds and other
 * distributions need, each of which costs an import of Python code at every boot.
 */
const CLOUD_INIT = `# Written by vmlab's bootstrap.
datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    fs_label: cidata
apt_preserve_sources_list: true
locale: false
manage_etc_hosts: localhost
ssh_genkeytypes: [ed25519]
no_ssh_fingerprints: true
ssh:
  emit_keys_to_console: false
system_info:
  network:
    renderers: [netplan, networkd, eni]
cloud_init_modules:
  - seed_random
  - bootcmd
  - write-files
  - growpart
  - resizefs
  - disk_setup
  - mounts
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - ca-certs
  - users-groups
  - ssh
cloud_config_modules:
  - locale
  - set-passwords
  - apt-configure
  - ntp
  - timezone
  - runcmd
cloud_final_modules:
  - package-update-upgrade-install
  - write-files-deferred
  - scripts-vendor
  - scripts-per-once
  - scripts-per-boot
  - scripts-per-instance
  - scripts-user
  - phone-home
  - final-message
  - power-state-change
`;

/** For update-grub, which every later kernel package runs. */
function grubDefaults(): string {
  return lines(
    "# Written by vmlab's bootstrap; run update-grub after a change.",
    "GRUB_DEFAULT=0",
    "GRUB_TIMEOUT=0",
    "GRUB_RECORDFAIL_TIMEOUT=0",
    'GRUB_CMDLINE_LINUX_DEFAULT="quiet"',
    `GRUB_CMDLINE_LINUX="${KERNEL_ARGUMENTS}"`,
    'GRUB_TERMINAL="serial console"',
    'GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"',
    "GRUB_DISABLE_OS_PROBER=true",
  );
}

/** Built into GRUB's images for BIOS and UEFI: finds the root file system on whatever disk it lies. */
function earlyGrubConfig(rootUuid: string): string {
  return lines(
    `search --no-floppy --fs-uuid --set=root ${rootUuid}`,
    "set prefix=($root)/boot/grub",
    "configfile $prefix/grub.cfg",
  );
}

/**
 * The first grub.cfg. grub-mkconfig cannot make one while there is no disk yet, so this one goes through the links
 * that kernel packages keep on the newest kernel (in / on Debian, in /boot on Ubuntu). It stands until the guest
 * itself runs update-grub, as the packages' hook does after each kernel update, and is right until then.
 */
function grubConfig(rootUuid: string): string {
  return lines(
    "# Written by vmlab's bootstrap; update-grub replaces it.",
    "set timeout=0",
    "serial --unit=0 --speed=115200",
    "terminal_input serial console",
    "terminal_output serial console",
    "if [ -e /vmlinuz ]; then set links=; else set links=/boot; fi",
    "menuentry 'Linux' {",
    `  linux $links/vmlinuz root=UUID=${rootUuid} ro ${KERNEL_ARGUMENTS} quiet`,
    "  initrd $links/initrd.img",
    "}",
  );
}

function lines(...text: readonly string[]): string {
  return `${text.join("\n")}\n`;
}
