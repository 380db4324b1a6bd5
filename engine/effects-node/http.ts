import type { HttpResponse } from "../effects.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const LARGEST_TEXT_BYTES = 16 * 1024 * 1024;
const MOST_REDIRECTS = 10;

/**
 * Opens a URL with undici. `timeoutMs` (30 s unless given) bounds the wait for the headers of the answer (ETIMEDOUT)
 * and each pause in the body. HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case) are honoured; bodies come as they are sent.
 */
export async function openUrl(
  url: string,
  options: {
    method?: "GET" | "HEAD";
    headers?: Record<string, string>;
    signal?: AbortSignal;
    timeoutMs?: number;
  } = {},
): Promise<HttpResponse> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  // Of a CommonJS package the bundle offers only the default export.
  const { EnvHttpProxyAgent, interceptors, request } = (await import("undici")).default;
  const agent = new EnvHttpProxyAgent({
    connectTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // Plain http goes through a proxy as a request, not as a tunnel: many proxies allow CONNECT to port 443 only.
    proxyTunnel: false,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: MOST_REDIRECTS }));
  const release = (): void => void agent.destroy().catch(() => undefined);
  // Also bounds what undici does not: a proxy that never answers, a chain of redirects.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(timeoutError(url, timeoutMs)), timeoutMs);
  const signals = signal === undefined ? [deadline.signal] : [signal, deadline.signal];
  try {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      method: options.method ?? "GET",
      ...(options.headers === undefined ? {} : { headers: options.headers }),
      signal: AbortSignal.any(signals),
    });
    // Nobody may be listening any more when a discarded transfer breaks.
    body.on("error", () => undefined).once("close", release);
    return {
      status: statusCode,
      headers: flatten(headers),
      body,
      text: () => textOf(body, url),
      async discard() {
        body.destroy();
      },
    };
  } catch (error) {
    release();
    if (signal?.aborted) throw signal.reason;
    if (deadline.signal.aborted) throw deadline.signal.reason;
    throw firstOf(error);
  } finally {
    clearTimeout(timer);
  }
}

function timeoutError(url: string, timeoutMs: number): Error {
  return Object.assign(new Error(`no answer from ${url} within ${timeoutMs} ms`), { code: "ETIMEDOUT" });
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

async function textOf(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_TEXT_BYTES) {
      throw Object.assign(new Error(`the answer of ${url} is larger than 16 MiB`), { code: "EFBIG" });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A host with several addresses fails with an aggregate that has no message of its own. */
function firstOf(error: unknown): unknown {
  const errors = (error as { errors?: unknown }).errors;
  return Array.isArray(errors) && errors.length > 0 ? errors[0] : error;
}
