/** Images and roles that something stands on, directly or through others. */
import type { Resource } from "../types.ts";

/** `used`: addresses that VMs depend on. The addresses of the images among them and below them. */
export function neededImages(images: readonly Resource[], used: ReadonlySet<string>): ReadonlySet<string> {
  const byAddress = new Map(images.map((image) => [image.address, image]));
  const needed = new Set<string>();
  const need = (address: string): void => {
    const image = byAddress.get(address);
    if (image === undefined || needed.has(address)) return;
    needed.add(address);
    for (const below of image.dependsOn) need(below);
  };
  for (const address of used) need(address);
  return needed;
}
