/** How long operations took before, for estimates: the last few durations of each kind, host-wide. */
import { join } from "node:path";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";
import { isJsonObject } from "../json.ts";

/** Milliseconds, newest last, by {@link durationKey}. */
export type Durations = Readonly<Record<string, readonly number[]>>;

const KEPT = 5;

/** `subject` is what the duration depends on: the image of a VM, the name of an image. */
export function durationKey(provider: string, type: string, step: string, subject: string): string {
  return `${provider}/${type}/${step}/${subject}`;
}

function durationsFile(home: Home): string {
  return join(home.cache, "durations.json");
}

/** Durations are a convenience: a missing or damaged file is none. */
export async function readDurations(effects: Pick<Effects, "files">, home: Home): Promise<Durations> {
  try {
    const parsed: unknown = JSON.parse(await effects.files.readText(durationsFile(home)));
    if (!isJsonObject(parsed)) return {};
    const entries = Object.entries(parsed).filter(
      (entry): entry is [string, number[]] =>
        Array.isArray(entry[1]) && entry[1].every((ms) => typeof ms === "number"),
    );
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

/** Adds measured durations; the last writer wins, as no decision rests on them. */
export async function recordDurations(
  effects: Effects,
  home: Home,
  measured: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  if (measured.size === 0) return;
  const known: Record<string, readonly number[]> = { ...(await readDurations(effects, home)) };
  for (const [key, list] of measured) known[key] = [...(known[key] ?? []), ...list].slice(-KEPT);
  await effects.files.makeDir(home.cache);
  await effects.files.write(durationsFile(home), JSON.stringify(known));
}

/** The median of what is known under `key`. */
export function expectedDuration(durations: Durations, key: string): number | undefined {
  const sorted = [...(durations[key] ?? [])].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const BUILD_START_MS = 120_000;
const BUILD_STEP_MS = 45_000;

/** A build that was never made: as long as others of this host take, else by the number of its steps. */
export function expectedBuild(durations: Durations, provider: string, steps: number): number {
  const builds = Object.keys(durations).filter(
    (key) => /\/(role|image)\/obtain\//.test(key) && key.startsWith(`${provider}/`),
  );
  const medians = builds.flatMap((key) => expectedDuration(durations, key) ?? []).sort((a, b) => a - b);
  return medians[Math.floor(medians.length / 2)] ?? BUILD_START_MS + steps * BUILD_STEP_MS;
}
