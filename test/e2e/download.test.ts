/** The built command line gets an image over HTTP: the one way that only a user's run takes through the bundle. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";

let lab: CliLab | undefined;
const servers: ReturnType<typeof createServer>[] = [];
afterEach(async () => {
  await lab?.dispose();
  for (const server of servers.splice(0)) server.close();
});

/** Serves files from memory on 127.0.0.1. */
async function serve(files: ReadonlyMap<string, Buffer>): Promise<string> {
  const server = createServer((request, response) => {
    const body = files.get(request.url ?? "");
    if (body === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const toml = (url: string) => `lab = { name = "web" }
[images]
tiny = { url = "${url}/tiny.qcow2", checksum = "file:${url}/SHA256SUMS", user = "lab" }
[vms.off]
image = "tiny"
memory = "128MiB"
disk = "64MiB"
power = "stopped"
`;

test("an image is downloaded, checked, pinned in vmlab.lock, and refused with a wrong checksum", async () => {
  const bytes = await readFile(await tinyGuest());
  const sum = createHash("sha256").update(bytes).digest("hex");
  const url = await serve(
    new Map([
      ["/tiny.qcow2", bytes],
      ["/SHA256SUMS", Buffer.from(`${sum} *tiny.qcow2\n`)],
    ]),
  );
  lab = await CliLab.create(toml(url));
  expect(await lab.ok("plan")).toContain("download");
  await lab.ok("apply", "--yes");
  expect(await readdir(join(lab.home, "images"))).toEqual([sum]);
  expect(await readFile(join(lab.folder, "vmlab.lock"), "utf8")).toContain(sum);
  expect(await lab.ok("plan")).toContain("No changes.");
  expect(await lab.ok("plan", "--frozen")).toContain("No changes.");

  const wrong = await serve(
    new Map([
      ["/tiny.qcow2", bytes.subarray(0, -1)],
      ["/SHA256SUMS", Buffer.from(`${sum} *tiny.qcow2\n`)],
    ]),
  );
  await lab.write(toml(wrong));
  await lab.ok("destroy", "--yes");
  const other = await CliLab.create(toml(wrong));
  try {
    const refused = await other.run(["apply", "--yes"]);
    expect(refused.code).toBe(1);
    const [rejected = ""] = await readdir(join(other.home, "downloads", "rejected"));
    expect(refused.all).toContain(basename(rejected));
    const images = await readdir(join(other.home, "images")).catch(() => []);
    expect(images).toEqual([]);
  } finally {
    await other.dispose();
  }
});
