import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { homeFrom } from "../../engine/home.ts";
import type { ImageRecord } from "../../providers/images/image-record.ts";
import { imageRegistry } from "../../providers/images/registry/index.ts";
import { imageDiskPath, observeImage, readRecord } from "../../providers/images/store.ts";
import { putImage, type StorePlace } from "../support/image-chain.ts";
import { listen } from "../support/image-rig.ts";
import { CliLab, LAB } from "./cli-lab.ts";

const SLOW = 60_000;

let lab: CliLab;
let place: StorePlace;
let base: ImageRecord;
let role: ImageRecord;
beforeEach(async () => {
  lab = await CliLab.create(`${LAB}\n[secrets.admin]\n`);
  await lab.succeed("apply", "--yes");
  const effects = lab.effects();
  place = { effects, home: homeFrom(effects.host.env) };
  base = await putImage(place, "noble");
  role = await putImage(place, "noble-docker", base);
  writeFileSync(place.home.configFile, '[trash]\nkeep = "1d"\n');
}, SLOW);
afterEach(() => lab.remove());

const state = () =>
  JSON.parse(readFileSync(join(lab.folder, ".vmlab/state.json"), "utf8")) as { serial: number };
const whole = (digest: string) => observeImage(place.effects, place.home, digest);
const backup = (...parts: string[]) => join(place.home.root, "backups", ...parts);

test(
  "a backup with disks brings an empty VMLAB_HOME and a lost state back, and the images can be used",
  async () => {
    const created = await lab.succeed("backup", "create", "first", "--images");
    expect(created).toMatch(
      /^Backup first: 1 lab, 2 images with disks, \d+ KiB\.\nStates hold the labs' secrets: keep it to yourself\.\n$/,
    );
    for (const folder of [backup(), backup("first"), backup("first", "states")])
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    const lineage = readdirSync(backup("first", "states"))[0] ?? "";
    for (const file of ["manifest.json", "config.toml", `states/${lineage}/state.json`])
      expect(statSync(backup("first", file)).mode & 0o777).toBe(0o600);
    expect(await lab.succeed("backup", "list")).toMatch(
      /^NAME +MADE +SIZE {2}WHAT\nfirst +\d+s ago +\d+ KiB {2}1 lab, 2 images with disks: demo\n$/,
    );
    expect((await lab.vmlab(["backup", "create", "first"])).stderr).toContain("[backup/exists]");

    // To a file, from which an empty home is filled.
    const file = join(lab.root, "vmlab.tar.gz");
    await lab.succeed("backup", "create", "--images", "--to", file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = await lab.succeed("state", "pull");
    rmSync(place.home.root, { recursive: true });
    rmSync(join(lab.folder, ".vmlab"), { recursive: true });
    rmSync(join(lab.folder, "vmlab.lock"), { force: true });

    const dry = await lab.vmlab(["backup", "restore", file, "--dry-run"], { columns: 80 });
    expect(dry.stdout.replaceAll(lab.root, "ROOT").replace(/[0-9a-f]{16,}/g, "…")).toBe(
      `         WHAT      NAME          WHERE OR WHY
restore  settings  config.toml   ROOT/home/config.toml
restore  lab       demo          ROOT/home/labs/….json
restore  image     noble         ROOT/home/images/…
restore  image     noble-docker  ROOT/home/images/…
restore  state     demo          ROOT/lab/.vmlab
restore  pins      demo          ROOT/lab/vmlab.lock

6 things to restore, 0 there already.
VMs are not in backups: "vmlab plan" in a lab shows which it would make anew.
`,
    );
    expect(existsSync(place.home.images)).toBe(false);
    await lab.succeed("backup", "restore", file);
    expect(JSON.parse(await lab.succeed("state", "pull"))).toEqual(JSON.parse(before));
    for (const { digest, keys } of [base, role]) {
      expect(await whole(digest)).toMatchObject({ state: "present" });
      expect((await readRecord(place.effects, place.home, digest))?.keys).toEqual(keys);
      expect(statSync(imageDiskPath(place.home, digest)).mode & 0o777).toBe(0o444);
    }
    const { context } = listen();
    const checked = await imageRegistry(place).verify(undefined, { repair: false, context });
    expect(checked.map(({ outcome }) => outcome)).toEqual(["whole", "whole"]);
    const again = await lab.succeed("backup", "restore", file);
    expect(again).toContain("0 things restored, 6 there already.");
    await lab.succeed("plan");
  },
  SLOW,
);

test(
  "what is newer or different stays without --force; with it the present is kept in a backup before",
  async () => {
    await lab.succeed("backup", "create", "old");
    const { serial } = state();
    await lab.write("lab.toml", (await lab.read("lab.toml")).replace("512MiB", "1GiB"));
    await lab.succeed("apply", "--yes");
    writeFileSync(place.home.configFile, '[trash]\nkeep = "2d"\n');
    const newer = state().serial;
    expect(newer).toBeGreaterThan(serial);
    const kept = await lab.succeed("backup", "restore", "old");
    expect(kept).toContain(`a newer state is there: #${newer}, the backup has #${serial}`);
    expect(kept).toContain("--force replaces what differs.");
    expect(state().serial).toBe(newer);

    expect((await lab.vmlab(["backup", "restore", "old", "--force"])).stderr).toContain(
      "[cli/needs-confirmation]",
    );
    const asJson = await lab.vmlab(["backup", "restore", "old", "--force", "--json"], { answers: ["yes"] });
    expect([asJson.stdout, asJson.questions]).toEqual(["", []]);
    expect(asJson.stderr).toContain("[cli/needs-confirmation]");
    const forced = await lab.vmlab(["backup", "restore", "old", "--force"], { answers: ["yes"] });
    expect(forced.questions[0]).toMatch(
      /^Replace the settings of config\.toml, the lab of demo, the state of demo\? The present ones are kept in a backup\./,
    );
    expect(state().serial).toBe(serial);
    expect(readFileSync(place.home.configFile, "utf8")).toContain("1d");
    const name = /is kept as (\S+):/.exec(forced.stdout)?.[1] ?? "";
    await lab.succeed("backup", "restore", name, "--force", "--yes");
    expect(state().serial).toBe(newer);
    expect(readFileSync(place.home.configFile, "utf8")).toContain("2d");
  },
  SLOW,
);

test(
  "a state that a backup cannot hold is kept beside the one that takes its place",
  async () => {
    await lab.succeed("backup", "create", "old");
    writeFileSync(join(lab.folder, ".vmlab/state.json"), "half of a st");
    await lab.succeed("backup", "restore", "old", "--force", "--yes");
    const replaced = join(lab.folder, ".vmlab/replaced");
    const [time = ""] = readdirSync(replaced);
    expect(readFileSync(join(replaced, time, "state.json"), "utf8")).toBe("half of a st");
    await lab.succeed("plan");
  },
  SLOW,
);

test(
  "a registry without its records gets them back; without disks in the backup, lost images are left out",
  async () => {
    await lab.succeed("backup", "create", "records");
    rmSync(join(place.home.images, base.digest, "image.json"));
    rmSync(join(place.home.images, role.digest), { recursive: true });
    const text = await lab.succeed("backup", "restore", "records");
    expect(text).toMatch(/\nrestored +image record +noble /);
    expect(text).toMatch(
      /\nleft out +image +noble-docker +its disk is not in the backup; an apply gets or builds/,
    );
    expect(await whole(base.digest)).toMatchObject({ state: "present" });
    rmSync(join(lab.folder, ".vmlab"), { recursive: true });
    rmSync(join(lab.root, "lab"), { recursive: true });
    mkdirSync(join(lab.root, "elsewhere"));
    const gone = await lab.vmlab(["backup", "restore", "records"], { cwd: join(lab.root, "elsewhere") });
    expect(gone.stdout).toMatch(
      /left out +state +demo +.* does not exist: put the lab there, then restore again\n/,
    );
    mkdirSync(lab.folder);
  },
  SLOW,
);

test(
  "a damaged backup is refused before anything is restored, and an unknown one named",
  async () => {
    await lab.succeed("backup", "create", "first", "--images");
    const disk = backup("first", "images", role.digest, "disk.qcow2");
    const bytes = readFileSync(disk);
    bytes[300_000] = (bytes[300_000] ?? 0) ^ 1;
    writeFileSync(disk, bytes);
    rmSync(place.home.configFile);
    const refused = await lab.vmlab(["backup", "restore", "first"]);
    expect(refused.stderr).toContain("[host/archive-damaged]");
    expect(refused.stderr).toContain(`disk.qcow2 has the SHA-256 `);
    expect(existsSync(place.home.configFile)).toBe(false);
    const manifest = readFileSync(backup("first", "manifest.json"), "utf8");
    writeFileSync(backup("first", "manifest.json"), manifest.replace('"demo"', '"evil"'));
    expect((await lab.vmlab(["backup", "restore", "first"])).stderr).toContain(
      "Its manifest.json does not have its own checksum.",
    );
    expect(await lab.succeed("backup", "list")).toContain("does not have its own checksum.");
    expect((await lab.vmlab(["backup", "restore", "frist"])).stderr).toContain('Did you mean "first"?');
    expect((await lab.vmlab(["backup", "restore", "./no.tar"])).stderr).toContain("[cli/no-file]");
    expect((await lab.vmlab(["backup", "create", "../x"])).stderr).toContain("[backup/bad-name]");
    expect((await lab.vmlab(["backup", "create", "x", "--to", "y.tar"])).stderr).toContain("[cli/usage]");
    // What cannot be read is said and left out; the rest is kept.
    writeFileSync(join(lab.folder, ".vmlab/state.json"), "{");
    const partly = await lab.vmlab(["backup", "create", "partly"]);
    expect([partly.code, partly.stderr.includes("[backup/state-left-out]")]).toEqual([0, true]);
    expect(readdirSync(backup()).filter((name) => name.startsWith("."))).toEqual([]);
  },
  SLOW,
);
