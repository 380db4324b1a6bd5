/** What a plan says about the store: space that nobody needs, images that have grown old. */
import type { Effects } from "../../../engine/effects.ts";
import type { Home } from "../../../engine/home.ts";
import { readHostConfig } from "../../../engine/host/host-config.ts";
import { formatDuration, formatSize } from "../../../engine/units.ts";
import type { ImageRecord } from "../image-record.ts";
import { readRecord } from "../store.ts";
import { readRegistry } from "./read-registry.ts";
import type { RegistryImage } from "./registry-image.ts";
import { readUnusedSince } from "./unused-since.ts";

export interface StoreNotesOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Images that the plan's lab uses: digest by address, such as `role.docker`. */
  readonly images: ReadonlyMap<string, string>;
}

/** Lines for people, without a full stop; none when there is nothing worth a word. Reads only. */
export async function storeNotes(
  effects: Effects,
  home: Home,
  options: StoreNotesOptions,
): Promise<readonly string[]> {
  const { store } = await readHostConfig(effects, home);
  const notes: string[] = [];
  for (const [address, digest] of options.images) {
    const record = await readRecord(effects, home, digest);
    const note = record === undefined ? undefined : ageNote(record, address, options.now, store.maxAgeMs);
    if (note !== undefined) notes.push(note);
  }
  // Who needs what is asked only when something has been unused for long: it reads the record of every VM.
  const marks = [...(await readUnusedSince(effects, home)).values()];
  if (!marks.some((since) => options.now - since >= store.keepMs)) return notes;
  const { images } = await readRegistry(effects, home);
  const orphans = longUnused(images, options.now, store.keepMs);
  if (orphans.length > 0) {
    notes.push(
      `${orphans.length} ${orphans.length === 1 ? "image" : "images"} (${formatSize(bytesOf(orphans))}) in the store ` +
        `${orphans.length === 1 ? "is" : "are"} needed by nobody for ${formatDuration(store.keepMs)} or more; ` +
        "the next apply removes them, or `vmlab images prune`",
    );
  }
  return notes;
}

/** Images that nobody has needed for as long as they are kept. */
export function longUnused(
  images: readonly RegistryImage[],
  now: number,
  keepMs: number,
): readonly RegistryImage[] {
  return images.filter(({ unusedSince }) => unusedSince !== undefined && now - unusedSince >= keepMs);
}

export function bytesOf(images: readonly RegistryImage[]): number {
  return images.reduce((sum, { allocated }) => sum + allocated, 0);
}

/** Only of images that an upgrade makes anew: bytes that lab.toml names do not get old. */
function ageNote(record: ImageRecord, address: string, now: number, maxAgeMs: number): string | undefined {
  const made = record.kind === "role" || record.kind === "custom" ? "built" : "got";
  if (!["url", "bootstrap", "role", "custom"].includes(record.kind)) return undefined;
  const age = now - Date.parse(record.created);
  if (!(age >= maxAgeMs)) return undefined;
  const days = Math.floor(age / 86_400_000);
  const ago = days > 0 ? `${days} ${days === 1 ? "day" : "days"}` : formatDuration(age);
  return `${address} was ${made} ${ago} ago; \`vmlab apply --upgrade ${address}\` brings in what is new since then`;
}
