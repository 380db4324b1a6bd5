/** Where a bootstrap installs from, as lines of apt's sources.list; they stay in the image. */
import type { Effects } from "../../../engine/effects.ts";
import type { Distribution } from "./recipe.ts";

const COMPONENTS: Readonly<Record<Distribution, string>> = { debian: "main", ubuntu: "main universe" };
const UBUNTU_ARCHIVE = "http://archive.ubuntu.com/ubuntu";
const UBUNTU_SECURITY = "http://security.ubuntu.com/ubuntu";
/** Time for a look at one file of a mirror. */
const PROBE_TIMEOUT_MS = 5000;

/**
 * Lines for mmdebstrap, or undefined for its own choice, which for Debian's stable releases already has updates and
 * security. A mirror of the user's own is asked which of these it has: an archive of one suite is as good a mirror as
 * a complete one.
 */
export async function aptSources(
  effects: Pick<Effects, "network">,
  from: { distribution: Distribution; suite: string; mirror?: string },
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const { distribution, suite, mirror } = from;
  const line = (url: string, name: string): string => `deb ${url} ${name} ${COMPONENTS[distribution]}`;
  if (mirror === undefined) {
    if (distribution === "debian") return undefined;
    return [
      line(UBUNTU_ARCHIVE, suite),
      line(UBUNTU_ARCHIVE, `${suite}-updates`),
      line(UBUNTU_SECURITY, `${suite}-security`),
    ];
  }
  const sources = [line(mirror, suite)];
  for (const pocket of mirrorPockets(distribution, suite, mirror)) {
    if (await hasSuite(effects, pocket, signal)) sources.push(line(pocket.url, pocket.suite));
  }
  return sources;
}

export interface Pocket {
  readonly url: string;
  readonly suite: string;
}

/** Where a mirror would have updates and security: Debian keeps security in an archive beside the main one. */
export function mirrorPockets(distribution: Distribution, suite: string, mirror: string): readonly Pocket[] {
  const url = mirror.replace(/\/+$/, "");
  const security =
    distribution === "ubuntu"
      ? url
      : /\/debian$/.test(url)
        ? url.replace(/\/debian$/, "/debian-security")
        : undefined;
  return [
    { url, suite: `${suite}-updates` },
    ...(security === undefined ? [] : [{ url: security, suite: `${suite}-security` }]),
  ];
}

async function hasSuite(
  effects: Pick<Effects, "network">,
  pocket: Pocket,
  signal: AbortSignal,
): Promise<boolean> {
  // Local archives (file:, copy:) are taken as they are written.
  if (!/^https?:/.test(pocket.url)) return false;
  try {
    const url = `${pocket.url}/dists/${pocket.suite}/InRelease`;
    const response = await effects.network.open(url, { method: "HEAD", timeoutMs: PROBE_TIMEOUT_MS, signal });
    await response.discard();
    return response.status === 200;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/**
 * What the archive holds now, as a text that changes when a bootstrap would come out differently: Debian's point
 * release, or the date of Ubuntu's updates. Undefined when the mirror does not tell. Which mirror mmdebstrap chooses
 * by itself is its own knowledge: that one is taken to have news every day.
 */
export async function archiveState(
  effects: Pick<Effects, "network" | "clock">,
  from: { distribution: Distribution; suite: string; mirror?: string },
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (from.mirror === undefined && from.distribution === "debian") {
    return new Date(effects.clock.now()).toISOString().slice(0, 10);
  }
  const archive = from.mirror ?? UBUNTU_ARCHIVE;
  if (!/^https?:/.test(archive)) return undefined;
  const suite = from.distribution === "debian" ? from.suite : `${from.suite}-updates`;
  try {
    const response = await effects.network.open(`${archive.replace(/\/+$/, "")}/dists/${suite}/Release`, {
      timeoutMs: PROBE_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status !== 200) {
      await response.discard();
      return undefined;
    }
    return releaseState(from.distribution, await response.text());
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Debian: the Version field, where there is one (not in testing and unstable). Else the Date field. */
export function releaseState(distribution: Distribution, release: string): string | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: *(.+?) *$`, "m").exec(release)?.[1];
  return (distribution === "debian" ? field("Version") : undefined) ?? field("Date");
}
