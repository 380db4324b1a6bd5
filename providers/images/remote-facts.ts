/** What can be learnt of a file behind a URL without downloading it. */
import { DiagnosticsError, errorText, problem } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { type Checksum, findInChecksumList } from "./checksum.ts";
import { publicUrl, requestFor, validatorOf } from "./image-url.ts";

/** Planning waits no longer for a server. */
export const PLAN_TIMEOUT_MS = 5000;

export interface RemoteFacts {
  /** Bytes. */
  readonly size?: number;
  readonly validator?: string;
}

/** Asks with HEAD. Undefined when the server cannot be reached in time or does not answer well. */
export async function headFacts(
  effects: Pick<Effects, "network">,
  url: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<RemoteFacts | undefined> {
  const request = requestFor(url);
  try {
    const response = await effects.network.open(request.url, {
      method: "HEAD",
      headers: request.headers,
      ...deadline(options),
    });
    await response.discard();
    if (response.status !== 200) return undefined;
    const size = Number(response.headers["content-length"] ?? Number.NaN);
    const validator = validatorOf(response.headers);
    return {
      ...(Number.isSafeInteger(size) ? { size } : {}),
      ...(validator === undefined ? {} : { validator }),
    };
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/**
 * Reads a checksum list and finds the file called `name` in it. Throws `image/checksum-unreachable` or
 * `image/checksum-missing`.
 */
export async function fetchChecksum(
  effects: Pick<Effects, "network">,
  listUrl: string,
  name: string,
  options: { timeoutMs: number; signal?: AbortSignal; address: string },
): Promise<Checksum> {
  const { address } = options;
  const unreachable = (detail: string, cause?: unknown): DiagnosticsError =>
    new DiagnosticsError(
      [
        problem({
          code: "image/checksum-unreachable",
          summary: `the checksum file ${publicUrlOrText(listUrl)} cannot be read`,
          detail,
          hint: "Check the URL behind `checksum`, the network and the proxy.",
          address,
        }),
      ],
      { cause },
    );
  if (!/^https?:\/\//.test(listUrl)) throw unreachable("It is not an http or https URL.");
  let list: string;
  try {
    const request = requestFor(listUrl);
    const response = await effects.network.open(request.url, {
      headers: request.headers,
      ...deadline(options),
    });
    if (response.status !== 200) {
      await response.discard();
      throw unreachable(`The server answered with HTTP status ${response.status}.`);
    }
    list = await response.text();
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DiagnosticsError) throw error;
    throw unreachable(errorText(error), error);
  }
  const checksum = findInChecksumList(list, name);
  if (checksum !== undefined) return checksum;
  throw new DiagnosticsError([
    problem({
      code: "image/checksum-missing",
      summary: `${publicUrl(listUrl)} has no checksum for ${name}`,
      detail: "Read are lines of the forms `HEX  NAME`, `HEX *NAME` and `SHA256 (NAME) = HEX`.",
      hint: "Check that the list belongs to the image, or give the checksum itself as sha256:HEX.",
      address,
    }),
  ]);
}

/** The port's time-out bounds each pause; a plan has one deadline for the whole answer. */
function deadline(options: { timeoutMs: number; signal?: AbortSignal }): {
  timeoutMs: number;
  signal: AbortSignal;
} {
  const timer = AbortSignal.timeout(options.timeoutMs);
  return {
    timeoutMs: options.timeoutMs,
    signal: options.signal === undefined ? timer : AbortSignal.any([options.signal, timer]),
  };
}

function publicUrlOrText(url: string): string {
  try {
    return publicUrl(url);
  } catch {
    return url;
  }
}
