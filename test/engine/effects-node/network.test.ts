import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import type { Connection } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const folder = temporaryFolders();
const { network, files } = nodeEffects();
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

test("connect talks over a Unix socket and a TCP port and tells the end once", async () => {
  for (const target of [{ path: join(await folder(), "s") }, { host: "127.0.0.1", port: 0 }]) {
    const server = createServer((socket) => socket.on("data", (data) => socket.end(`echo ${data}`)));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(target, resolve));
    const address = server.address();
    const connection = await network.connect(
      typeof address === "string"
        ? { path: address }
        : { host: "127.0.0.1", port: (address as AddressInfo).port },
    );
    const closed = new Promise<Error | undefined>((resolve) => connection.onClose(resolve));
    const text = textOf(connection);
    connection.write("hello");
    expect(await closed).toBeUndefined();
    expect(text()).toBe("echo hello");
  }
});

test("connect rejects with the system's error, the deadline or the reason of the abort", async () => {
  const path = join(await folder(), "nobody");
  await expect(network.connect({ path })).rejects.toMatchObject({ code: "ENOENT" });
  const reason = new Error("interrupted");
  await expect(network.connect({ path }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("open follows redirects, sends headers, and hands out headers, text and a body to download", async () => {
  const base = await serve((url, headers) => {
    if (url === "/old") return { status: 302, headers: { location: "/new" }, body: "" };
    return { status: 206, headers: { "X-Kind": "image" }, body: `range ${headers.range ?? "none"}` };
  });
  const answer = await network.open(`${base}/old`, { headers: { range: "bytes=5-" } });
  expect(answer.status).toBe(206);
  expect(answer.headers["x-kind"]).toBe("image");
  expect(await answer.text()).toBe("range bytes=5-");

  const path = join(await folder(), "file");
  await files.download(await network.open(`${base}/new`), path, {});
  expect(await files.readText(path)).toBe("range none");

  const head = await network.open(`${base}/new`, { method: "HEAD" });
  await head.discard();
  expect(head.headers["content-length"]).toBe("10");
});

test("open rejects with the system's error and the reason of an abort", async () => {
  const base = await serve(() => undefined);
  const reason = new Error("interrupted");
  const controller = new AbortController();
  const pending = network.open(`${base}/hangs`, { signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await expect(pending).rejects.toBe(reason);
  await expect(network.open("http://127.0.0.1:1/")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(network.open(`${base}/hangs`, { timeoutMs: 50 })).rejects.toMatchObject({
    code: "ETIMEDOUT",
  });
});

type Answer = { status: number; headers: Record<string, string>; body: string };

/** A server on a free port; an undefined answer never comes. */
async function serve(
  answer: (url: string, headers: NodeJS.Dict<string | string[]>) => Answer | undefined,
): Promise<string> {
  const server = createHttpServer((request, response) => {
    const found = answer(request.url ?? "", request.headers);
    if (found === undefined) return;
    response.writeHead(found.status, { ...found.headers, "content-length": found.body.length });
    response.end(request.method === "HEAD" ? undefined : found.body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function textOf(connection: Connection): () => string {
  let text = "";
  connection.onData((data) => {
    text += data.toString();
  });
  return () => text;
}
