/** The programs this provider runs. */
export const QEMU = "qemu-system-x86_64";
export const QEMU_IMG = "qemu-img";

/** Of these one is enough, the first found is taken. */
export const ISO_PROGRAMS = ["xorriso", "genisoimage", "mkisofs"] as const;
