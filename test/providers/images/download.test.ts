/** Downloads that break off, that cannot begin, and what they tell. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { transferProgress } from "../../../providers/images/download.ts";
import {
  diagnosticsOf,
  etagOf,
  imageRig,
  listen,
  planAndObtain,
  rawDisk,
  serveFiles,
  sha256Of,
  testServers,
} from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const serve = testServers();

describe("an image behind a URL", () => {
  test("goes on where a broken connection ended", async () => {
    const rig = imageRig(await temporaryFolder());
    const bytes = readFileSync(rawDisk(join(rig.folder, "disk")));
    const whole = serveFiles({ "disk.img": bytes });
    let tries = 0;
    const server = await serve((request, response) => {
      if (request.method === "HEAD" || tries++ > 0) return whole(request, response);
      response.writeHead(200, { etag: etagOf(bytes), "content-length": bytes.length });
      response.write(bytes.subarray(0, 1_000_000), () => response.destroy());
    });
    const heard = listen();
    const obtained = await planAndObtain(
      rig,
      {
        source: "url",
        url: `${server.url}/disk.img`,
        checksum: `sha256:${sha256Of(join(rig.folder, "disk"))}`,
      },
      { heard },
    );

    expect(obtained.attributes.virtual_size).toBe(bytes.length);
    const gets = server.requests.filter((request) => request.startsWith("GET"));
    expect(gets).toEqual(["GET /disk.img", expect.stringMatching(/^GET \/disk\.img bytes=[1-9]\d*-$/)]);
    expect(heard.output[0]).toMatch(/^download interrupted: /);
  });

  test("begins anew where the server ignores ranges or has another file", async () => {
    const rig = imageRig(await temporaryFolder());
    const file = rawDisk(join(rig.folder, "disk"));
    const bytes = readFileSync(file);
    let tries = 0;
    const server = await serve((request, response) => {
      response.writeHead(200, { etag: `"v${tries}"`, "content-length": bytes.length });
      if (request.method === "HEAD") return void response.end();
      tries += 1;
      if (tries === 1) response.write(bytes.subarray(500_000, 900_000), () => response.destroy());
      else response.end(bytes);
    });
    const obtained = await planAndObtain(rig, {
      source: "url",
      url: `${server.url}/disk.img`,
      checksum: `sha256:${sha256Of(file)}`,
    });
    expect(obtained.attributes.checksum).toBe(`sha256:${sha256Of(file)}`);
    expect(server.requests).toEqual([
      "HEAD /disk.img",
      "GET /disk.img",
      expect.stringMatching(/^GET \/disk\.img bytes=[1-9]\d*-$/),
    ]);
  });

  test("that is not there ends at once, without retries", async () => {
    const rig = imageRig(await temporaryFolder());
    const server = await serve(serveFiles({}));
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/gone.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/not-found",
      summary: `there is no file at ${server.url}/gone.img`,
      detail: "It answered with HTTP status 404.",
    });
    expect(server.requests).toEqual(["HEAD /gone.img", "GET /gone.img"]);
  });

  test("that cannot be reached is tried five times, with growing pauses", async () => {
    const pauses: number[] = [];
    const rig = imageRig(await temporaryFolder(), (effects) => ({
      ...effects,
      clock: { ...effects.clock, sleep: async (ms) => void pauses.push(ms) },
    }));
    const server = await serve((_, response) => void response.writeHead(503).end());
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `http://me:secret@${server.url.slice(7)}/a.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/unreachable",
      summary: `${server.url}/a.img could not be downloaded`,
      detail: "5 tries failed, the last one with: HTTP status 503",
    });
    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
  });

  test("that does not fit on the disk is not begun", async () => {
    const rig = imageRig(await temporaryFolder(), (effects) => ({
      ...effects,
      host: { ...effects.host, disk: async () => ({ total: 1000, free: 1000 }) },
    }));
    const server = await serve(serveFiles({ "disk.img": readFileSync(rawDisk(join(rig.folder, "disk"))) }));
    const [diagnostic] = await diagnosticsOf(
      planAndObtain(rig, { source: "url", url: `${server.url}/disk.img` }),
    );
    expect(diagnostic).toMatchObject({
      code: "image/no-space",
      detail: `It needs 4 MiB; ${rig.home.downloads} has 1 MiB free.`,
    });
  });
});

test("progress tells the rate of this try and the time left of the whole", () => {
  expect(transferProgress(3_000_000, 1_000_000, 5_000_000, 500)).toEqual({
    unit: "bytes",
    done: 3_000_000,
    total: 5_000_000,
    ratePerSecond: 2_000_000,
    etaMs: 1000,
  });
  expect(transferProgress(10, 10, undefined, 0)).toEqual({ unit: "bytes", done: 10 });
});
