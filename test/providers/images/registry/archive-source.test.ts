/** Archives that lab.toml names as the source of an image. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { observeImage } from "../../../../providers/images/store.ts";
import { diagnosticsOf, listen, planAndObtain, serveFiles, testServers } from "../../../support/image-rig.ts";
import { imageStores } from "../../../support/image-stores.ts";

const { chain, elsewhere } = imageStores();
const serve = testServers();
// Real disks, each synced: slow on a busy host.
jest.setTimeout(60_000);
const context = () => listen().context;

describe("an image by digest with an archive in lab.toml", () => {
  test("is taken from the file or the URL when it is not in the store, and only if it is that image", async () => {
    const { rig, registry, layers } = await chain();
    const [base, , custom] = layers;
    const file = join(rig.folder, "web.tar.zst");
    await registry.exportArchive(custom.digest, file, { flatten: false, context: context() });
    const server = await serve(serveFiles({ "web.tar.zst": readFileSync(file) }));
    for (const archive of [file, `${server.url}/web.tar.zst`]) {
      const { rig: there } = await elsewhere();
      const inputs = { source: "digest", digest: `sha256:${custom.digest}` } as const;
      expect(await diagnosticsOf(planAndObtain(there, inputs))).toMatchObject([
        { code: "image/not-in-store", hint: expect.stringContaining("vmlab images import FILE") },
      ]);
      const obtained = await planAndObtain(there, { ...inputs, archive });
      expect(obtained.digest).toBe(custom.digest);
      expect(await observeImage(there.effects, there.home, custom.digest)).toMatchObject({
        state: "present",
      });
      expect(existsSync(there.home.downloads) ? readdirSync(there.home.downloads) : []).toEqual([]);
      const other = { source: "digest", digest: `sha256:${"f".repeat(64)}`, archive } as const;
      const [wrong] = await diagnosticsOf(planAndObtain(there, other));
      expect(wrong).toMatchObject({
        code: "image/not-in-archive",
        detail: expect.stringContaining(base.digest),
      });
    }
    const [gone] = await diagnosticsOf(
      planAndObtain(rig, { source: "digest", digest: `sha256:${"f".repeat(64)}`, archive: "no.tar" }),
    );
    expect(gone).toMatchObject({ code: "image/file-not-found" });
  });
});

describe("an archive that was damaged on its way", () => {
  test("is put aside, and got anew by the next apply", async () => {
    const { rig, registry, layers } = await chain();
    const file = join(rig.folder, "noble.tar");
    await registry.exportArchive(layers[0].digest, file, { flatten: false, context: context() });
    const whole = readFileSync(file);
    let sent = Buffer.from(whole);
    sent.fill(1, 200_000, 200_100);
    const { url } = await serve(({ headers }, response) => {
      const from = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
      if (Number(from) >= sent.length)
        return void response.writeHead(416, { "content-range": `bytes */${sent.length}` }).end();
      response.writeHead(200, { etag: '"same"', "content-length": sent.length }).end(sent);
    });
    const { rig: there } = await elsewhere();
    const inputs = {
      source: "digest",
      digest: `sha256:${layers[0].digest}`,
      archive: `${url}/noble.tar`,
    } as const;
    const [why] = await diagnosticsOf(planAndObtain(there, inputs));
    expect(why).toMatchObject({
      code: "host/archive-damaged",
      summary: `${url}/noble.tar is not a whole archive`,
    });
    expect(readdirSync(there.home.downloads)).toEqual(["rejected"]);
    sent = whole;
    expect((await planAndObtain(there, inputs)).digest).toBe(layers[0].digest);
  });
});
