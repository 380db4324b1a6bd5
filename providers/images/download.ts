/** Gets a file over HTTP: resumes, tries again, gives up with a reason. */
import { errorText, fail, isDiagnosticsError, systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects, HttpResponse } from "../../engine/effects.ts";
import type { Progress } from "../../engine/events.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext } from "../provider.ts";
import { publicUrl, requestFor, validatorOf } from "./image-url.ts";
import { beginPartial, type Partial, partialOf, rangeCondition, readPartial } from "./partial-download.ts";

const MOST_TRIES = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A try that got this far shows that the server is alive: the count begins anew. */
const PROGRESS_BYTES = 1024 * 1024;
/** Answers that may be different the next time (RFC 9110, RFC 6585). */
const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface Downloaded {
  /** The complete file, in the downloads folder. */
  readonly path: string;
  readonly size: number;
  readonly validator?: string;
  /** Forgets the file and what is known of it. */
  forget(): Promise<void>;
}

/** Ends a try; the next one may do better. */
class TransientError extends Error {}

/** Downloads `url`, going on from what an earlier try left. The caller holds the lock of the partial file. */
export async function download(
  effects: Effects,
  home: Home,
  url: string,
  options: { address: string; context: CallContext },
): Promise<Downloaded> {
  const { address, context } = options;
  const partial = partialOf(home, url);
  await effects.files.makeDir(home.downloads);
  let last = "";
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    if (tries > 1) {
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 2), LONGEST_PAUSE_MS);
      context.progress(`waiting to try again (${last})`);
      await effects.clock.sleep(pause, context.signal);
    }
    const before = (await effects.files.stat(partial.path))?.size ?? 0;
    try {
      return await attempt(effects, home, partial, url, options);
    } catch (error) {
      if (context.signal.aborted || isDiagnosticsError(error)) throw error;
      if (systemErrorCode(error) === "ENOSPC") noSpace(address, url, home.downloads, error);
      if (!isTransient(error)) throw error;
      last = errorText(error);
      context.output(`download interrupted: ${last}`);
      const after = (await effects.files.stat(partial.path))?.size ?? 0;
      if (after - before >= PROGRESS_BYTES) tries = 1;
    }
  }
  fail({
    code: "image/unreachable",
    summary: `${publicUrl(url)} could not be downloaded`,
    detail: `${MOST_TRIES} tries failed, the last one with: ${last}`,
    hint: "Check the URL, the network and the proxy (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). What was received is kept, and the next apply goes on from there.",
    address,
  });
}

async function attempt(
  effects: Effects,
  home: Home,
  partial: Partial,
  url: string,
  options: { address: string; context: CallContext },
): Promise<Downloaded> {
  const { address, context } = options;
  const earlier = await readPartial(effects, partial, url);
  const condition = earlier === undefined ? undefined : rangeCondition(earlier.meta);
  // Without a condition the file may have changed in between: from the beginning, then.
  const resumeAt = earlier !== undefined && condition !== undefined ? earlier.bytes : 0;
  const request = requestFor(url);
  const headers = {
    ...request.headers,
    ...(resumeAt > 0 && condition !== undefined
      ? { range: `bytes=${resumeAt}-`, "if-range": condition }
      : {}),
  };
  context.progress("connecting");
  const response = await effects.network.open(request.url, { headers, signal: context.signal });
  let begin = 0;
  let total = numberOf(response.headers["content-length"]);
  if (response.status === 206 && resumeAt > 0) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
    if (Number(range?.[1]) !== resumeAt) {
      await response.discard();
      await effects.files.remove(partial.path);
      throw new TransientError("the server sent another part than the one asked for");
    }
    begin = resumeAt;
    total = numberOf(range?.[2]) ?? (total === undefined ? undefined : total + resumeAt);
  } else if (response.status === 416 && resumeAt > 0) {
    await response.discard();
    const size = numberOf(/^bytes \*\/(\d+)$/.exec(response.headers["content-range"] ?? "")?.[1]);
    if (size === resumeAt) return complete(effects, partial, resumeAt, earlier?.meta.validator);
    await effects.files.remove(partial.path);
    throw new TransientError("the file became shorter on the server");
  } else if (response.status === 200) {
    const { etag, "last-modified": lastModified } = response.headers;
    const validator = validatorOf(response.headers);
    await beginPartial(effects, home, partial, {
      url: publicUrl(url),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      ...(validator === undefined ? {} : { validator }),
    });
  } else {
    await refused(response, url, address);
  }

  const { free } = await effects.host.disk(home.downloads);
  if (total !== undefined && total - begin > free) {
    await response.discard();
    noSpace(address, url, home.downloads, undefined, { needed: total - begin, free });
  }
  const started = effects.clock.now();
  await effects.files.download(response, partial.path, {
    signal: context.signal,
    progress: (received) => {
      context.progress(
        "downloading",
        transferProgress(begin + received, received, total, effects.clock.now() - started),
      );
    },
  });
  const size = (await effects.files.stat(partial.path))?.size ?? 0;
  if (total !== undefined && size < total)
    throw new TransientError(`the connection ended after ${size} of ${total} bytes`);
  if (total !== undefined && size > total) {
    await effects.files.remove(partial.path);
    throw new TransientError(`the server sent ${size} instead of ${total} bytes`);
  }
  const meta = await readPartial(effects, partial, url);
  return complete(effects, partial, size, meta?.meta.validator);
}

/** Rate and time left, from what this try received. */
export function transferProgress(
  done: number,
  received: number,
  total: number | undefined,
  elapsedMs: number,
): Progress {
  const rate = elapsedMs > 0 ? (received * 1000) / elapsedMs : undefined;
  return {
    unit: "bytes",
    done,
    ...(total === undefined ? {} : { total }),
    ...(rate === undefined ? {} : { ratePerSecond: Math.round(rate) }),
    ...(rate === undefined || rate === 0 || total === undefined
      ? {}
      : { etaMs: Math.round(((total - done) / rate) * 1000) }),
  };
}

function complete(
  effects: Pick<Effects, "files">,
  partial: Partial,
  size: number,
  validator?: string,
): Downloaded {
  return {
    path: partial.path,
    size,
    ...(validator === undefined ? {} : { validator }),
    async forget() {
      await effects.files.remove(partial.path);
      await effects.files.remove(partial.metaPath);
    },
  };
}

async function refused(response: HttpResponse, url: string, address: string): Promise<never> {
  await response.discard();
  if (TRANSIENT_STATUS.has(response.status)) throw new TransientError(`HTTP status ${response.status}`);
  const missing = response.status === 404 || response.status === 410;
  fail({
    code: missing ? "image/not-found" : "image/unreachable",
    summary: missing ? `there is no file at ${publicUrl(url)}` : `the server refused ${publicUrl(url)}`,
    detail: `It answered with HTTP status ${response.status}.`,
    hint: missing
      ? "Distributions remove dated images after some months: look up the current URL."
      : "Check the URL and whether it needs a login (https://USER:PASSWORD@…).",
    address,
  });
}

function noSpace(
  address: string,
  url: string,
  folder: string,
  cause?: unknown,
  sizes?: { needed: number; free: number },
): never {
  const mib = (bytes: number): string => `${Math.ceil(bytes / (1024 * 1024))} MiB`;
  fail(
    {
      code: "image/no-space",
      summary: `not enough disk space to download ${publicUrl(url)}`,
      detail:
        sizes === undefined
          ? `The disk that holds ${folder} is full.`
          : `It needs ${mib(sizes.needed)}; ${folder} has ${mib(sizes.free)} free.`,
      hint: "Free some space, for instance with `vmlab trash empty`. What was received is kept.",
      address,
    },
    cause,
  );
}

/** Errors of this disk are not the network's. */
function isTransient(error: unknown): boolean {
  if (error instanceof TransientError) return true;
  return !["EACCES", "EPERM", "EROFS", "EIO", "EDQUOT", "ENOENT", "EISDIR"].includes(
    systemErrorCode(error) ?? "",
  );
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
