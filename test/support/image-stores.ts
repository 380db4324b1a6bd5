/** Image stores for tests of the registry, each with a home of its own. */
import { existsSync, readdirSync } from "node:fs";
import type { ImageRecord } from "../../providers/images/image-record.ts";
import { type ImageRegistry, imageRegistry } from "../../providers/images/registry/index.ts";
import { putImage } from "./image-chain.ts";
import { type ImageRig, imageRig } from "./image-rig.ts";
import { temporaryFolders } from "./temporary-folder.ts";

interface Store {
  readonly rig: ImageRig;
  readonly registry: ImageRegistry;
}

interface Chain extends Store {
  readonly base: ImageRecord;
  readonly role: ImageRecord;
  readonly custom: ImageRecord;
  /** The three, lowest first. */
  readonly layers: readonly [ImageRecord, ImageRecord, ImageRecord];
}

/** Makes stores that are removed after each test of the file that calls it. */
export function imageStores(): {
  /** A store with base ← role ← custom. */
  readonly chain: () => Promise<Chain>;
  /** A second host with an empty store. */
  readonly elsewhere: () => Promise<Store>;
} {
  const temporaryFolder = temporaryFolders();
  const elsewhere = async () => {
    const rig = imageRig(await temporaryFolder());
    return { rig, registry: imageRegistry(rig) };
  };
  const chain = async () => {
    const store = await elsewhere();
    const base = await putImage(store.rig, "noble");
    const role = await putImage(store.rig, "noble-docker", base, { address: "role.docker", use: "docker" });
    const custom = await putImage(store.rig, "web", role, { kind: "custom", address: "image.web" });
    return { ...store, base, role, custom, layers: [base, role, custom] as const };
  };
  return { chain, elsewhere };
}

/** What lies in a store, without its notes of what nobody needs. */
export const inStore = ({ home }: ImageRig) =>
  existsSync(home.images) ? readdirSync(home.images).filter((name) => name !== ".unused.json") : [];
