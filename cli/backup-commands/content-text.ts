import type { BackupManifest } from "../../engine/host/backup/manifest.ts";

/** `2 labs, 5 images with their disks`. */
export function contentText(manifest: BackupManifest): string {
  const images = manifest.files.filter(({ path }) => path.endsWith("/image.json")).length;
  const disks = manifest.disks ? " with disks" : " without disks";
  return `${count(manifest.labs.length, "lab")}, ${count(images, "image")}${images === 0 ? "" : disks}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
