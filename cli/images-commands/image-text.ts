/** What the commands of `vmlab images` say of an image. */
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { ImageUser, RegistryImage } from "../../providers/images/registry/index.ts";
import { printable } from "../render/text-width.ts";

export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** `role docker`, `bootstrap`. */
export function kindText({ record }: RegistryImage): string {
  if (record === undefined) return "unknown";
  return record.use === undefined ? record.kind : `${record.kind} ${printable(record.use)}`;
}

/** `3d ago`. Empty when it is not known. */
export function agoText(created: string | undefined, now: number): string {
  const since = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(since) ? "" : `${formatDuration(Math.max(1000, now - since))} ago`;
}

/** `2 images, 1 VM`. */
export function sharedText({ images, vms }: RegistryImage["sharedBy"]): string {
  const parts = [...(images === 0 ? [] : [count(images, "image")]), ...(vms === 0 ? [] : [count(vms, "VM")])];
  return parts.join(", ");
}

/** `demo (web, db), other, old in the trash`; for what nobody needs, since when. For what stands below: that. */
export function usedByText(image: RegistryImage, now: number): string {
  if (!image.needed) {
    if (image.unusedSince === undefined) return "nobody";
    return `nobody for ${formatDuration(Math.max(0, now - image.unusedSince))}`;
  }
  const vms = new Map<string, string[]>();
  const others: string[] = [];
  for (const user of image.users) {
    switch (user.kind) {
      case "lab":
        if (!vms.has(user.name)) vms.set(user.name, []);
        break;
      case "vm":
        if (user.inTrash) others.push(`${user.name} in the trash`);
        else vms.set(user.lab, [...(vms.get(user.lab) ?? []), user.name]);
        break;
      case "process":
        others.push(`process ${user.pid}`);
        break;
      case "run":
        others.push(`${user.command} of ${user.lab}`);
    }
  }
  const labs = [...vms].map(([lab, names]) => (names.length === 0 ? lab : `${lab} (${names.join(", ")})`));
  return printable([...labs, ...others].join(", ")) || "other images";
}

/** What is wrong with it; empty when nothing is, as far as a look tells. */
export function conditionText({ condition }: RegistryImage): string {
  switch (condition.state) {
    case "present":
      return "";
    case "absent":
      return "its disk is missing";
    case "changed":
      return condition.reason;
  }
}

/** The same in one word. */
export function conditionWord({ condition, record }: RegistryImage): string {
  switch (condition.state) {
    case "present":
      return "";
    case "absent":
      return "missing";
    case "changed":
      return record?.damaged === undefined ? "changed" : "damaged";
  }
}

/** `3 images, 1.2 GiB`. */
export function totalText(images: readonly RegistryImage[]): string {
  return `${count(images.length, "image")}, ${formatSize(bytesOf(images))}`;
}

export function bytesOf(images: readonly RegistryImage[]): number {
  return images.reduce((sum, { allocated }) => sum + allocated, 0);
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** An image as `--json` prints it; sizes are bytes. */
export function imageJson(image: RegistryImage): object {
  const { record, condition } = image;
  return {
    digest: image.digest,
    name: image.name,
    kind: record?.kind ?? null,
    role: record?.use ?? null,
    address: record?.address ?? null,
    os: record?.os ?? null,
    user: record?.user ?? null,
    state: condition.state,
    ...(condition.state === "changed" ? { reason: condition.reason } : {}),
    size: image.size,
    sizeOnDisk: image.allocated,
    virtualSize: record?.virtual_size ?? null,
    created: record?.created ?? null,
    buildMs: record?.build_ms ?? null,
    source: record?.source ?? null,
    format: record?.format ?? null,
    parent: image.parent ?? null,
    layers: image.layers,
    children: image.children,
    steps: record?.steps ?? [],
    keys: record?.keys ?? [],
    sharedBy: image.sharedBy,
    usedBy: image.users.map(userJson),
    needed: image.needed,
    unusedSince: image.unusedSince === undefined ? null : new Date(image.unusedSince).toISOString(),
  };
}

function userJson(user: ImageUser): object {
  return { ...user };
}
