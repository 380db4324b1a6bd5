import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CommandLog } from "../../cli/command-log.ts";
import type { Finding } from "../../cli/doctor/finding.ts";
import { examineImages } from "../../cli/doctor/images.ts";
import { homeFrom } from "../../engine/home.ts";
import type { ImageRecord } from "../../providers/images/image-record.ts";
import { pruneOrphans } from "../../providers/images/registry/index.ts";
import { imageDiskPath, imageFolder } from "../../providers/images/store.ts";
import { putImage, putLab, putVm, type StorePlace } from "../support/image-chain.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

const DAY = 86_400_000;
const SLOW = 60_000;

let lab: CliLab;
let place: StorePlace;
let base: ImageRecord;
let role: ImageRecord;
let web: ImageRecord;
beforeEach(async () => {
  lab = await CliLab.create();
  const effects = lab.effects();
  // Everything was made an hour and a half ago, as far as anybody can tell.
  const clock = { ...effects.clock, now: () => Date.now() - 90 * 60_000 };
  place = { effects: { ...effects, clock }, home: homeFrom(effects.host.env) };
  const about = { os: "ubuntu-24.04", user: "ubuntu" };
  const url = "https://images.example.com/noble/release-20250101/ubuntu-24.04-server-amd64.img";
  base = await putImage(place, "noble", undefined, { ...about, kind: "url", source: url });
  role = await putImage(place, "noble-docker", base, {
    ...about,
    ...{ address: "role.docker", use: "docker", build_ms: 130_000 },
    steps: ["docker install.sh", "packages git make"],
  });
  web = await putImage(place, "web", role, {
    ...{ kind: "custom", address: "image.web", steps: ["script scripts/web.sh"] },
  });
  await putLab(place, "demo", join(lab.root, "demo"), [web.digest]);
  putVm(place, { id: "0123456789ab", name: "web-1", lab: "demo", on: web.digest });
  putVm(place, { id: "0123456789ac", name: "web-2", lab: "demo", on: web.digest });
  putVm(place, { id: "0123456789ad", name: "db", lab: "demo", on: role.digest, where: "trash" });
}, SLOW);
afterEach(() => lab.remove());

/** Digests and the temporary folder as names of the same width, so that a whole screen can stand in a test. */
function plain(text: string): string {
  const named = [base, role, web].reduce(
    (all, { digest, name }) => all.replaceAll(digest.slice(0, 12), `<${name}>`.padEnd(12, ".").slice(0, 12)),
    text,
  );
  // What a file takes on disk depends on the file system.
  return named.replaceAll(lab.root, "ROOT").replace(/\b\d{3} KiB/g, "nnn KiB");
}

const run = async (args: readonly string[], columns?: number) => {
  const result = await lab.vmlab(args, columns === undefined ? {} : { columns });
  return { code: result.code, stdout: plain(result.stdout), stderr: plain(result.stderr) };
};

describe("images", () => {
  test("lists the store in 80 and in 200 columns, and all of it in a pipe", async () => {
    expect(await run(["images"], 80)).toEqual({
      code: 0,
      stderr: "",
      stdout: `NAME          DIGEST        KIND       SIZE  SHARED     CREATED  USED BY
web           <web>.......  custom  nnn KiB       2  1h 30m ago  demo (web-1,
                                                                 web-2)
noble-docker  <noble-docke  role    nnn KiB       4  1h 30m ago  db in the trash
noble         <noble>.....  url     nnn KiB       5  1h 30m ago  other images

3 images, nnn KiB.
`,
    });
    const wide = (await run(["images"], 200)).stdout.split("\n");
    expect(wide[0]).toBe(
      "NAME          DIGEST        KIND            SIZE  VIRTUAL           SHARED     CREATED  SOURCE                                                                         USED BY              KEY",
    );
    expect(wide[3]).toMatch(
      /^noble {9}<noble>\.{5} {2}url +nnn KiB +4 MiB {2}2 images, 3 VMs {2}1h 30m ago {2}https:\/\/images\.example\.com\/\S+…\S+-amd64\.img {2}other images/,
    );
    expect(Math.max(...wide.map((line) => line.length))).toBeLessThanOrEqual(200);
    expect((await run(["images"])).stdout.split("\n")[0]).toMatch(/^NAME .* SOURCE .* KEY$/);
  });

  test("shows one with everything that is known, and its layers as a history", async () => {
    expect(
      (await run(["images", "show", "role.docker"], 80)).stdout.replace(/^Folder .*$/m, "Folder …"),
    ).toBe(
      `Name         noble-docker
Digest       sha256:${plain(role.digest)}
State        whole, as far as a look tells ("vmlab images verify" reads it)
Size         nnn KiB on disk, nnn KiB with the layers below; 4 MiB for a guest
Kind         role docker, first made for role.docker
Created      ${role.created.slice(0, 19).replace("T", " ")} UTC, 1h 30m ago, built in 2m 10s
Source       build
System       ubuntu-24.04, login as ubuntu
Steps        docker install.sh
             packages git make
Keys         key-of-noble-docker
Layers       <noble>..... noble, nnn KiB
             <noble-docke noble-docker, nnn KiB
Shared with  1 image, 3 VMs
Used by      VM db of lab demo, in the trash
Folder …
`,
    );
    expect((await run(["images", "history", "web"], 80)).stdout).toBe(
      `LAYER         NAME             CREATED     SIZE  SHARED  STEPS
<web>.......  web           1h 30m ago  nnn KiB       2  script scripts/web.sh
<noble-docke  noble-docker  1h 30m ago  nnn KiB       4  docker install.sh
                                                         packages git make
<noble>.....  noble         1h 30m ago  nnn KiB       5  https://imag…r-amd64.img

3 layers, nnn KiB on disk.
`,
    );
    const layers = JSON.parse((await lab.vmlab(["images", "history", "web", "--json"])).stdout) as unknown;
    expect(layers).toMatchObject([
      { digest: web.digest, steps: ["script scripts/web.sh"], sharedBy: { images: 0, vms: 2 } },
      { digest: role.digest, size: role.size, created: role.created },
      { digest: base.digest, kind: "url" },
    ]);
    const json = JSON.parse((await lab.vmlab(["images", "list", "web", "--json"])).stdout) as unknown;
    expect(json).toMatchObject([
      {
        ...{ digest: web.digest, name: "web", kind: "custom", state: "present", keys: ["key-of-web"] },
        layers: [base.digest, role.digest, web.digest],
        usedBy: [
          { kind: "lab", name: "demo" },
          { kind: "vm", name: "web-1", inTrash: false },
          { kind: "vm", name: "web-2" },
        ],
      },
    ]);
  });

  test("works outside of a lab, in a lab of pretend machines with a word about them, and on an empty store", async () => {
    await lab.write("lab.toml", LAB);
    const { stderr, stdout } = await run(["images", "list", "web"], 80);
    expect([stderr, stdout.split("\n").length]).toEqual([
      "This lab's own images are pretended ones, which are not in the store of this host.\n",
      5,
    ]);
    rmSync(place.home.root, { recursive: true });
    rmSync(join(lab.folder, "lab.toml"));
    expect((await run(["images"])).stdout).toMatch(/^There are no images in the store\. "vmlab apply" gets /);
    expect((await run(["images", "verify"])).stdout).toBe("There are no images in the store.\n");
    expect((await run(["images", "prune"])).stdout).toBe("There is nothing in the store.\n");
  });

  test("names what is not whole, and --repair mends it", async () => {
    utimesSync(imageDiskPath(place.home, role.digest), 1, 1);
    const listed = (await run(["images"], 80)).stdout;
    expect(listed).toContain(
      "\nnoble…cker  <noble-docke  role    nnn KiB       4  1h 30m ago  db in     changed\n",
    );
    expect(listed).toContain(
      '\nnoble-docker (<noble-docke): its modification time is not the recorded one. See\n"vmlab images verify noble-docker".\n',
    );
    expect(Math.max(...listed.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await run(["images", "verify", "web"], 80)).toMatchObject({
      code: 1,
      stdout: `NAME          DIGEST        FOUND     NOTE
noble         <noble>.....  whole
noble-docker  <noble-docke  mendable  its file was copied or touched since it
                                      was recorded, and its bytes are right
                                      → "vmlab images verify --repair" mends it.
web           <web>.......  whole

1 of 3 images is not as it should be.
`,
    });
    const mended = await run(["images", "verify", "web", "--repair"]);
    expect([mended.code, mended.stdout.split("\n").at(-2)]).toEqual([
      0,
      "3 images read: all are whole now, 1 mended.",
    ]);
  });

  test("prunes after a question what it said before, and nothing else", async () => {
    const spare = await putImage(place, "spare", base);
    mkdirSync(join(place.home.downloads, "rejected"), { recursive: true });
    writeFileSync(join(place.home.downloads, "rejected", "0a1b2c-disk.img"), Buffer.alloc(200_000, 1));
    const dry = (await run(["images", "prune", "--all", "--dry-run"], 80)).stdout;
    expect(dry.replaceAll(spare.digest.slice(0, 12), "<spare>.....")).toBe(
      `      NAME             DIGEST           SIZE  WHY
free  spare            <spare>.....  nnn KiB  needed by nobody
free  0a1b2c-disk.img                nnn KiB  a file that was refused and kept
                                              for a look
keep  web              <web>.......  nnn KiB  used by demo (web-1, web-2)
keep  noble-docker     <noble-docke  nnn KiB  used by db in the trash
keep  noble            <noble>.....  nnn KiB  3 images, 3 VMs stand on it

1 image and 1 rejected file to remove, nnn KiB.
`,
    );
    expect((await run(["images", "prune"], 80)).stdout).toContain("needed by nobody; kept for 14d,");
    expect(existsSync(imageFolder(place.home, spare.digest))).toBe(true);
    expect((await run(["images", "prune", "--all"])).stderr).toContain("[cli/needs-confirmation]");
    const asked = await lab.vmlab(["images", "prune", "--all"], { answers: ["y"] });
    expect(asked.questions[0]).toMatch(/^Remove this \(\d+ KiB\) for good\? \[y\/N\] $/);
    expect(asked.stdout).toMatch(/Removed 1 image and 1 rejected file: \d+ KiB are free again\.\n$/);
    expect(existsSync(imageFolder(place.home, spare.digest))).toBe(false);
    expect((await run(["images", "prune", "--all"])).stdout).toContain("Nothing is to be removed.");

    expect(await run(["images", "rm", "web", "--yes"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("VM web-1 of lab demo"),
    });
    for (const folder of [place.home.labs, place.home.vms, place.home.trash])
      rmSync(folder, { recursive: true });
    expect((await run(["images", "rm", "web", "noble-docker", "--yes"])).stdout).toBe(
      "Removed web (<web>.......), noble-docker (<noble-docke): nnn KiB are free again.\n",
    );
  });

  test("exports an image, and imports it where the store is empty, with the same digest", async () => {
    const file = join(lab.folder, "web.tar.zst");
    const exported = await run(["images", "export", "web", "web.tar.zst"]);
    expect(exported.stdout).toMatch(
      /^Wrote web to web\.tar\.zst: 3 layers, [\d.]+ KiB\.\ndigest = "sha256:.{64}"\n$/,
    );
    expect((await run(["images", "export", "web", "web.tar.zst"])).stderr).toContain("[cli/file-exists]");
    expect((await run(["images", "export", "web", "web.zip"])).stderr).toContain("[host/archive-name]");
    rmSync(place.home.root, { recursive: true });
    expect((await run(["images", "import", file])).stdout).toBe(
      `web is in the store: 3 new layers of 3, nnn KiB its own.\ndigest = "sha256:${plain(web.digest)}"\n`,
    );
    expect((await run(["images", "import", file, "--name", "again"])).stdout).toMatch(
      /^again is in the store already\./,
    );
    expect((await run(["images", "import", file, "--name", "a b"])).stderr).toContain("[cli/usage]");
    expect((await run(["images", "import", "nothing.tar"])).stderr).toContain("[image/file-not-found]");
    const flat = await run(["images", "export", "again", "flat.tar", "--flatten"]);
    expect(flat.stdout).toContain("As one disk it is another image than the one in the store.\n");
    expect(flat.stdout).not.toContain(plain(web.digest));
  });
});

describe("doctor", () => {
  const findings = async (days = 0): Promise<Finding[]> => {
    const effects = lab.effects();
    const clock = { ...effects.clock, now: () => Date.now() + days * DAY };
    const { home } = place;
    const about = { tool: "0", folder: lab.folder, guestCommand: undefined, exitCode: 0 };
    const terminal = new TestTerminal({ cwd: lab.folder });
    const log = new CommandLog({ effects, home, tool: "0", argv: [] });
    return examineImages({ effects: { ...effects, clock }, home, terminal, log, ...about });
  };

  test("tells of images that nobody needs or that are not whole, of VMs without theirs, and of labs that are gone", async () => {
    expect((await findings()).map(({ check }) => check)).toEqual(["image/store"]);
    await putImage(place, "spare", base);
    await pruneOrphans(place.effects, place.home, { now: Date.now(), keepMs: 14 * DAY });
    rmSync(join(lab.root, "demo"), { recursive: true });
    rmSync(imageFolder(place.home, role.digest), { recursive: true });
    const found = await findings(15);
    expect(found.map(({ check, severity, summary }) => `${severity} ${check}: ${plain(summary)}`)).toEqual([
      "error image/not-whole: the image web (<web>.......) is not whole",
      "error image/layer-missing: the image that VM db of lab demo stands on is gone, in the trash",
      expect.stringMatching(
        /^warning image\/unused: 1 image \(nnn KiB\) has been needed by nobody for 14d or more$/,
      ),
      "warning lab/folder-gone: the folder of lab demo is gone, which keeps 1 image in the store",
    ]);
    expect(found.every(({ remedy }) => remedy !== undefined)).toBe(true);
  });
});
