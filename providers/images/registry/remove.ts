/** Removes named images, unless somebody needs them. */
import { join } from "node:path";
import { DiagnosticsError, fail } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { withHostLock } from "../../../engine/host/host-lock.ts";
import { imageFolder, shortDigest } from "../store.ts";
import { withWorkplace } from "../workplace.ts";
import type { ImageUser } from "./image-users.ts";
import { type Registry, readRegistry } from "./read-registry.ts";
import type { RegistryImage } from "./registry-image.ts";

export interface Removed {
  readonly images: readonly RegistryImage[];
  /** Bytes. */
  readonly freed: number;
}

/** The images of these digests, highest first. Fails with `image/in-use` when any of them is needed. */
export async function planRemoval(
  effects: Effects,
  home: Home,
  digests: readonly string[],
): Promise<Removed> {
  return chosenFor(await readRegistry(effects, home), digests);
}

export async function removeImages(
  effects: Effects,
  home: Home,
  digests: readonly string[],
): Promise<Removed> {
  return withWorkplace(effects, home, ({ folder }) =>
    withHostLock(
      effects,
      home,
      "labs",
      async () => {
        // Again: since the user was asked somebody may have begun to use one.
        const removed = chosenFor(await readRegistry(effects, home), digests);
        for (const { digest } of removed.images)
          await effects.files.rename(imageFolder(home, digest), join(folder, digest));
        return removed;
      },
      { command: "images rm" },
    ),
  );
}

function chosenFor({ images, users }: Registry, digests: readonly string[]): Removed {
  if (users.problems.length > 0)
    throw new DiagnosticsError(users.problems.map((found) => ({ ...found, severity: "error" })));
  const chosen = images
    .filter(({ digest }) => digests.includes(digest))
    .sort((a, b) => b.layers.length - a.layers.length);
  for (const image of chosen) {
    const above = image.children.filter((child) => !digests.includes(child));
    if (image.users.length > 0 || above.length > 0) refuse(image, images, above);
  }
  return { images: chosen, freed: chosen.reduce((sum, { allocated }) => sum + allocated, 0) };
}

function refuse(image: RegistryImage, images: readonly RegistryImage[], above: readonly string[]): never {
  const nameOf = (digest: string): string => images.find((other) => other.digest === digest)?.name ?? "";
  const lines = [
    ...image.users.map(userText),
    ...above.map((digest) => `image ${nameOf(digest)} (${shortDigest(digest)}) stands on it`),
  ];
  const trash = image.users.some((user) => user.kind === "vm" && user.inTrash);
  fail({
    code: "image/in-use",
    summary: `${image.name} (${shortDigest(image.digest)}) is in use`,
    detail: lines.map((line) => `  ${line}`).join("\n"),
    hint: trash
      ? "`vmlab trash empty NAME` removes a deleted VM for good; take the image out of the labs that use it, and apply there."
      : "Take it out of the labs that use it, and apply there; images that stand on it can be named together with it.",
  });
}

/** Who needs an image, for people. */
export function userText(user: ImageUser): string {
  switch (user.kind) {
    case "lab":
      return `lab ${user.name} in ${user.folder}`;
    case "vm":
      return `VM ${user.name}${user.lab === "" ? "" : ` of lab ${user.lab}`}${user.inTrash ? ", in the trash" : ""}`;
    case "process":
      return `a build, import or export under way, process ${user.pid}`;
    case "run":
      return `"vmlab ${user.command}" in lab ${user.lab}, which is running`;
  }
}
