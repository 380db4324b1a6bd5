import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { assetPath, assetRoot } from "../../../../engine/asset-path.ts";
import type { Effects, HttpResponse } from "../../../../engine/effects.ts";
import { nodeEffects } from "../../../../engine/effects-node.ts";
import {
  aptSources,
  mirrorPockets,
  releaseState,
} from "../../../../providers/images/bootstrap/apt-sources.ts";
import { osRelease, randomUuid } from "../../../../providers/images/bootstrap/build.ts";
import { diskLayout, sfdiskScript } from "../../../../providers/images/bootstrap/disk-layout.ts";
import { bootSectors } from "../../../../providers/images/bootstrap/grub-boot-sectors.ts";
import { guestFiles } from "../../../../providers/images/bootstrap/guest-files.ts";
import { bootstrapHost, hasSubordinateIds } from "../../../../providers/images/bootstrap/host-programs.ts";
import { mmdebstrapPhase } from "../../../../providers/images/bootstrap/mmdebstrap-phases.ts";
import { BOOTSTRAP_RECIPE, bootstrapPackages } from "../../../../providers/images/bootstrap/recipe.ts";
import { mmdebstrapArguments } from "../../../../providers/images/bootstrap/root-filesystem.ts";
import { recipeFingerprint } from "../../../support/guests/recipe-fingerprint.ts";
import { diagnosticsOf } from "../../../support/image-rig.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const UUID = "01234567-89ab-4cde-8f01-23456789abcd";

describe("the recipe", () => {
  test("has a new version whenever anything in it changes", async () => {
    // When this fails: raise BOOTSTRAP_RECIPE (once a release is enough), then write the new fingerprint here.
    const fingerprint = await recipeFingerprint(nodeEffects().files);
    expect([BOOTSTRAP_RECIPE, fingerprint.slice(0, 16)]).toEqual([2, "e34e08835216eb67"]);
  });

  test("installs each distribution's kernel for virtual machines, and systemd-resolved where it is a package", () => {
    const kernels = (packages: readonly string[]): readonly string[] =>
      packages.filter((name) => /^(linux-|systemd-r)/.test(name));
    expect(kernels(bootstrapPackages("debian", "bookworm", []))).toEqual([
      "linux-image-cloud-amd64",
      "systemd-resolved",
    ]);
    expect(kernels(bootstrapPackages("debian", "bullseye", []))).toEqual(["linux-image-cloud-amd64"]);
    expect(kernels(bootstrapPackages("ubuntu", "noble", []))).toEqual([
      "linux-image-virtual",
      "systemd-resolved",
    ]);
    expect(kernels(bootstrapPackages("ubuntu", "jammy", []))).toEqual(["linux-image-virtual"]);
  });

  test("adds the user's packages once", () => {
    const plain = bootstrapPackages("debian", "bookworm", []);
    expect(bootstrapPackages("debian", "bookworm", ["git", "curl", "git"])).toEqual([...plain, "git"].sort());
  });

  test("asks mmdebstrap for a tree as root and for an archive without", () => {
    const call = {
      suite: "noble",
      sources: ["deb http://m noble main"],
      packages: ["a", "b"],
      prepareHook: "/w/prepare.sh",
      customizeHook: "/w/customize.sh",
    };
    expect(mmdebstrapArguments(call, "unshare", "/w/root.tar")).toEqual([
      "--mode=unshare",
      "--variant=minbase",
      "--architectures=amd64",
      "--include=a,b",
      '--aptopt=Acquire::Languages "none"',
      '--aptopt=Acquire::Retries "5"',
      "--dpkgopt=path-exclude=/usr/share/locale/*",
      "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-include=/usr/share/doc/*/copyright",
      "--essential-hook=/w/prepare.sh",
      "--customize-hook=/w/customize.sh",
      "--format=tar",
      "noble",
      "/w/root.tar",
      "deb http://m noble main",
    ]);
    const { sources: _, ...without } = call;
    expect(mmdebstrapArguments({ ...without, sources: undefined }, "root", "/w/root").slice(-3)).toEqual([
      "--format=directory",
      "noble",
      "/w/root",
    ]);
  });
});

describe("apt's sources", () => {
  const signal = new AbortController().signal;
  const server = (known: readonly string[]): Pick<Effects, "network"> => ({
    network: {
      connect: () => Promise.reject(new Error("not used")),
      open: async (url): Promise<HttpResponse> => ({
        status: known.includes(url) ? 200 : 404,
        headers: {},
        body: (async function* () {})(),
        text: async () => "",
        discard: async () => undefined,
      }),
    },
  });

  test("are mmdebstrap's own for Debian, and complete for Ubuntu", async () => {
    expect(
      await aptSources(server([]), { distribution: "debian", suite: "bookworm" }, signal),
    ).toBeUndefined();
    expect(await aptSources(server([]), { distribution: "ubuntu", suite: "noble" }, signal)).toEqual([
      "deb http://archive.ubuntu.com/ubuntu noble main universe",
      "deb http://archive.ubuntu.com/ubuntu noble-updates main universe",
      "deb http://security.ubuntu.com/ubuntu noble-security main universe",
    ]);
  });

  test("take from a mirror what it has", async () => {
    const mirror = "http://mirror.lan/debian";
    const known = [
      "http://mirror.lan/debian/dists/bookworm-updates/InRelease",
      "http://mirror.lan/debian-security/dists/bookworm-security/InRelease",
    ];
    expect(
      await aptSources(server(known), { distribution: "debian", suite: "bookworm", mirror }, signal),
    ).toEqual([
      "deb http://mirror.lan/debian bookworm main",
      "deb http://mirror.lan/debian bookworm-updates main",
      "deb http://mirror.lan/debian-security bookworm-security main",
    ]);
    expect(
      await aptSources(
        server([]),
        { distribution: "ubuntu", suite: "noble", mirror: "file:///srv/ubuntu" },
        signal,
      ),
    ).toEqual(["deb file:///srv/ubuntu noble main universe"]);
    expect(mirrorPockets("ubuntu", "noble", "http://m/ubuntu/")).toEqual([
      { url: "http://m/ubuntu", suite: "noble-updates" },
      { url: "http://m/ubuntu", suite: "noble-security" },
    ]);
  });

  test("tell the archive's state by Debian's version or by the date", () => {
    const release = "Suite: oldstable\nVersion: 12.12\nDate: Sat, 06 Sep 2025 09:58:21 UTC\n";
    expect(releaseState("debian", release)).toBe("12.12");
    expect(releaseState("ubuntu", release)).toBe("Sat, 06 Sep 2025 09:58:21 UTC");
    expect(releaseState("debian", "Suite: unstable\nDate: today\n")).toBe("today");
    expect(releaseState("debian", "<html>")).toBeUndefined();
  });

  test("have a release to record", () => {
    expect(osRelease('NAME="Ubuntu"\nVERSION_ID="24.04"\nVERSION="24.04.3 LTS (Noble Numbat)"\n')).toBe(
      "24.04.3",
    );
    expect(osRelease("VERSION_ID=24.04\n")).toBe("24.04");
  });
});

describe("the disk", () => {
  test("has its partitions on whole MiB, with the root last", async () => {
    const layout = diskLayout(2 * 1024 ** 3);
    expect(sfdiskScript(layout)).toBe(`label: gpt
unit: sectors
disk14 : start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
disk15 : start=4096, size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
disk1 : start=69632, size=4122624, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
`);
    const disk = join(await temporaryFolder(), "disk");
    writeFileSync(disk, "");
    execFileSync("truncate", ["--size", String(layout.size), disk]);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    execFileSync("sfdisk", ["--quiet", disk], { input: sfdiskScript(layout), env });
    const table = JSON.parse(execFileSync("sfdisk", ["--json", disk], { encoding: "utf8", env }));
    expect(
      table.partitiontable.partitions.map(({ node, start }: { node: string; start: number }) => [
        node.slice(disk.length),
        start,
      ]),
    ).toEqual([
      ["1", 69632],
      ["14", 2048],
      ["15", 4096],
    ]);
  });

  test("starts GRUB through two patches", () => {
    const boot = Buffer.alloc(512, 0x11);
    const core = Buffer.alloc(1100, 0x22);
    const { bootCode, core: patched } = bootSectors(boot, core, { start: 1024 * 1024, size: 1024 * 1024 });
    expect(bootCode.length).toBe(440);
    expect(bootCode.readBigUInt64LE(0x5c)).toBe(2048n);
    expect([bootCode[0x5b], bootCode[0x64]]).toEqual([0x11, 0x11]);
    expect(patched.length).toBe(1536);
    expect(patched.readBigUInt64LE(500)).toBe(2049n);
    expect(patched.readUInt16LE(508)).toBe(2);
    expect(patched.readUInt16LE(510)).toBe(0x820);
    expect([patched[499], patched[512], patched[1100]]).toEqual([0x22, 0x22, 0]);
    expect(() => bootSectors(boot, core, { start: 1024 * 1024, size: 1024 })).toThrow(
      "core.img has 1100 bytes",
    );
  });

  test("is found by GRUB and the kernel through the file system's UUID", () => {
    const files = Object.fromEntries(guestFiles(UUID).map(({ path, content }) => [path, content]));
    expect(files["/boot/grub/early.cfg"]).toBe(
      `search --no-floppy --fs-uuid --set=root ${UUID}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n`,
    );
    expect(files["/boot/grub/grub.cfg"]).toContain(
      `  linux $links/vmlinuz root=UUID=${UUID} ro console=tty0 console=ttyS0,115200`,
    );
    expect(files["/etc/fstab"]).toContain(`UUID=${UUID} / ext4`);
    expect(randomUuid(Buffer.alloc(16, 0xff))).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
  });
});

describe("the host", () => {
  test("lacks programs, keys and subordinate ids: all is said at once, with packages", async () => {
    const real = nodeEffects();
    const bare = {
      files: { ...real.files, stat: async () => undefined, readText: async () => "root:100000:65536\n" },
      host: { ...real.host, isRoot: false, userName: () => "ann" },
      processes: {
        ...real.processes,
        which: async (name: string) =>
          /(mke2fs|tar|dd|qemu-img|setpriv|unshare)$/.test(name) ? `/usr/bin/${name}` : undefined,
      },
    };
    expect(await diagnosticsOf(bootstrapHost(bare, "ubuntu", "image.noble"))).toEqual([
      {
        code: "host/missing-programs",
        severity: "error",
        summary:
          "bootstrapping an image needs mmdebstrap, sfdisk, mkfs.vfat, mmd, mcopy, newuidmap and newgidmap, which are not installed",
        hint: "Install the packages: apt-get install dosfstools fdisk mmdebstrap mtools uidmap",
        address: "image.noble",
      },
      expect.objectContaining({
        code: "host/missing-keyring",
        summary: "the signing keys of the Ubuntu archive are not installed",
      }),
      expect.objectContaining({
        code: "host/no-subordinate-ids",
        hint: "As root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann",
      }),
    ]);
    expect(hasSubordinateIds("ann:100000:65536\n", "ann")).toBe(true);
    expect(hasSubordinateIds("ann:100000:1000\nanna:1:65536", "ann")).toBe(false);
  });

  test("hears mmdebstrap's phases", () => {
    expect(mmdebstrapPhase("I: installing remaining packages inside the chroot...")).toEqual({
      step: 4,
      phase: "installing packages",
    });
    expect(mmdebstrapPhase("I: running --essential-hook directly: /w/prepare.sh")).toBeUndefined();
    expect(mmdebstrapPhase("installing remaining packages")).toBeUndefined();
  });
});

describe("the assets", () => {
  test("are found from the sources and from the bundle", () => {
    expect(assetRoot("file:///src/vmlab/engine/asset-path.ts")).toBe("../");
    expect(assetRoot("file:///usr/lib/vmlab/dist/chunk-ABC.js")).toBe("assets/");
    expect(readdirSync(join(assetPath("providers/images/bootstrap/customize.sh"), ".."))).toContain(
      "prepare.sh",
    );
  });

  test("are clean shell scripts", () => {
    const scripts = ["prepare.sh", "customize.sh"].map((name) =>
      assetPath(`providers/images/bootstrap/${name}`),
    );
    expect(execFileSync("shellcheck", scripts, { encoding: "utf8" })).toBe("");
  });
});
