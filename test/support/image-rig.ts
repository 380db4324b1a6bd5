/** What tests of the image provider share: a home, small disks, a server on 127.0.0.1, and what was said. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach } from "@jest/globals";
import type { ImageInputs } from "../../engine/config/types.ts";
import { type Diagnostic, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { type Home, homeFrom } from "../../engine/home.ts";
import { type ImageStoreProvider, imageProvider } from "../../providers/images/index.ts";
import type { CallContext, ImagePin, ImageSpec, ObtainedImage } from "../../providers/provider.ts";

export interface ImageRig {
  readonly folder: string;
  readonly home: Home;
  readonly effects: Effects;
  readonly provider: ImageStoreProvider;
}

/** Real effects, except that nothing waits. */
export function imageRig(
  folder: string,
  change: (effects: Effects) => Effects = (effects) => effects,
): ImageRig {
  const home = homeFrom({ VMLAB_HOME: join(folder, "home") });
  const real = nodeEffects();
  const effects = change({
    ...real,
    clock: { now: () => Date.now(), sleep: () => new Promise((resolve) => setImmediate(resolve)) },
  });
  return { folder, home, effects, provider: imageProvider({ effects, home }) };
}

export interface Heard {
  readonly context: CallContext;
  readonly phases: string[];
  readonly output: string[];
}

export function listen(signal: AbortSignal = new AbortController().signal): Heard {
  const phases: string[] = [];
  const output: string[] = [];
  return {
    phases,
    output,
    context: {
      signal,
      progress: (phase) => void (phases.at(-1) === phase || phases.push(phase)),
      output: (line) => void output.push(line),
    },
  };
}

/** As the engine does it: resolve, then obtain with what the resolution says. */
export async function planAndObtain(
  rig: ImageRig,
  inputs: Partial<ImageInputs> & Pick<ImageInputs, "source">,
  options: { pin?: ImagePin; upgrade?: boolean; heard?: Heard } = {},
): Promise<ObtainedImage> {
  const spec = specOf(rig, inputs, options.pin);
  const resolution = await rig.provider.resolve(spec, { upgrade: options.upgrade ?? false });
  const { pin: _, ...rest } = spec;
  return rig.provider.obtain(
    { ...rest, key: resolution.key, ...(resolution.pin === undefined ? {} : { pin: resolution.pin }) },
    (options.heard ?? listen()).context,
  );
}

export function specOf(
  rig: Pick<ImageRig, "folder">,
  inputs: Partial<ImageInputs> & Pick<ImageInputs, "source">,
  pin?: ImagePin,
): Omit<ImageSpec, "key"> {
  return {
    address: "image.base",
    name: "base",
    lab: { name: "demo", lineage: "0123456789abcdef", folder: rig.folder },
    inputs: { user: "vmlab", ...inputs },
    offline: false,
    ...(pin === undefined ? {} : { pin }),
  };
}

/** The diagnostics that a call ends with. */
export async function diagnosticsOf(call: Promise<unknown>): Promise<readonly Diagnostic[]> {
  try {
    await call;
  } catch (error) {
    if (isDiagnosticsError(error)) return error.diagnostics;
    throw error;
  }
  throw new Error("the call did not fail");
}

/** A raw disk with a boot sector and some bytes that do not compress. `size` in bytes. */
export function rawDisk(path: string, size = 4 * 1024 * 1024): string {
  const disk = Buffer.alloc(size);
  for (let i = 0; i < 64; i += 1) {
    createHash("sha512")
      .update(`${path.length}/${i}`)
      .digest()
      .copy(disk, 1024 * 1024 + i * 64);
  }
  disk.writeUInt16LE(0xaa55, 510);
  writeFileSync(path, disk);
  return path;
}

export function qcow2Disk(path: string): string {
  const raw = rawDisk(`${path}.raw`);
  execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, path]);
  return path;
}

export function sha256Of(path: string, algorithm: "sha256" | "sha512" = "sha256"): string {
  return createHash(algorithm).update(readFileSync(path)).digest("hex");
}

export interface TestServer {
  readonly url: string;
  /** `GET /disk.img`, with its Range, in the order in which they came. */
  readonly requests: string[];
}

/** Servers that end with the test. */
export function testServers(): (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) => Promise<TestServer> {
  const running: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((stop) => stop()));
  });
  return async (answer) => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      const range = request.headers.range === undefined ? "" : ` ${request.headers.range}`;
      requests.push(`${request.method} ${request.url}${range}`);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    running.push(
      () =>
        new Promise((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    );
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
  };
}

/** The ETag that {@link serveFiles} gives these bytes. */
export function etagOf(bytes: Buffer): string {
  return `"${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}"`;
}

/** Serves files by name, with ETag and ranges as a web server does. */
export function serveFiles(files: Readonly<Record<string, Buffer | string>>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const content = files[(request.url ?? "").slice(1)];
    if (content === undefined) return void response.writeHead(404).end("<html>not here</html>");
    const bytes = Buffer.from(content);
    const etag = etagOf(bytes);
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    if (from !== undefined && request.headers["if-range"] === etag) {
      const start = Number(from);
      if (start >= bytes.length)
        return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      response.writeHead(206, {
        etag,
        "content-length": bytes.length - start,
        "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      });
      return void response.end(bytes.subarray(start));
    }
    response.writeHead(200, { etag, "content-length": bytes.length });
    response.end(request.method === "HEAD" ? undefined : bytes);
  };
}
