/** What exports are made of and needs no machine. */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { bootPairs, regularFiles } from "../../../providers/qemu/export/boot-files.ts";
import { cpioArchive } from "../../../providers/qemu/export/cpio.ts";
import { parsePartitions, TABLE_BYTES } from "../../../providers/qemu/export/partitions.ts";
import { applianceArguments } from "../../../providers/qemu/export/seal-disk.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const MiB = 2 ** 20;
const folder = temporaryFolders();

/** A disk of 64 MiB partitioned by sfdisk, as its first bytes. */
async function partitioned(script: string): Promise<Buffer> {
  const disk = join(await folder(), "disk.raw");
  await writeFile(disk, "");
  execFileSync("truncate", ["-s", "64M", disk]);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  execFileSync("sfdisk", ["-q", disk], { input: script, env });
  return (await readFile(disk)).subarray(0, TABLE_BYTES);
}

describe("partitions", () => {
  test("are read from a GPT and from an MBR, in the order of the table", async () => {
    expect(
      parsePartitions(
        await partitioned("label: gpt\n1: start=40MiB, size=8MiB\n2: start=1MiB, size=2MiB\n"),
        64 * MiB,
      ),
    ).toEqual([
      { start: 40 * MiB, size: 8 * MiB },
      { start: 1 * MiB, size: 2 * MiB },
    ]);
    expect(parsePartitions(await partitioned("label: dos\nstart=1MiB, size=32MiB\n"), 64 * MiB)).toEqual([
      { start: 1 * MiB, size: 32 * MiB },
    ]);
  });

  test("a disk without a table is one from end to end, and so is one whose table cannot be right", async () => {
    const whole = [{ start: 0, size: 4 * MiB }];
    expect(parsePartitions(Buffer.alloc(TABLE_BYTES), 4 * MiB)).toEqual(whole);
    expect(parsePartitions(Buffer.alloc(10), 4 * MiB)).toEqual(whole);
    // Its partitions lie behind the end of this disk.
    expect(parsePartitions(await partitioned("label: dos\nstart=8MiB, size=32MiB\n"), 4 * MiB)).toEqual(
      whole,
    );
  });
});

test("a cpio archive is what cpio reads", async () => {
  const root = await folder();
  const archive = cpioArchive([
    { name: "init", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
    { name: "seal.sh", mode: 0o644, content: Buffer.from("ä") },
  ]);
  expect(archive.length % 4).toBe(0);
  await mkdir(join(root, "out"));
  execFileSync("cpio", ["-id", "--quiet"], { cwd: join(root, "out"), input: archive });
  const listed = execFileSync("stat", ["-c", "%n %a %s", "init", "seal.sh"], { cwd: join(root, "out") });
  expect(listed.toString()).toBe("init 755 10\nseal.sh 644 2\n");
});

describe("kernels", () => {
  test("are found with their RAM disks by the names of several distributions, newest first, rescue images left out", () => {
    expect(
      bootPairs([
        "config-6.1.0-9-cloud-amd64",
        "initrd.img-6.1.0-10-cloud-amd64",
        "initrd.img-6.1.0-9-cloud-amd64",
        "vmlinuz-6.1.0-9-cloud-amd64",
        "vmlinuz-6.1.0-10-cloud-amd64",
        "vmlinuz-5.0",
      ]),
    ).toEqual([
      { kernel: "vmlinuz-6.1.0-10-cloud-amd64", initrd: "initrd.img-6.1.0-10-cloud-amd64" },
      { kernel: "vmlinuz-6.1.0-9-cloud-amd64", initrd: "initrd.img-6.1.0-9-cloud-amd64" },
    ]);
    expect(
      bootPairs([
        "vmlinuz-0-rescue-1f",
        "initramfs-0-rescue-1f.img",
        "vmlinuz-6.5.6.fc39",
        "initramfs-6.5.6.fc39.img",
      ]),
    ).toEqual([{ kernel: "vmlinuz-6.5.6.fc39", initrd: "initramfs-6.5.6.fc39.img" }]);
    expect(bootPairs(["vmlinuz-virt", "initramfs-virt", "vmlinuz", "initrd.gz"])).toEqual([
      { kernel: "vmlinuz-virt", initrd: "initramfs-virt" },
      { kernel: "vmlinuz", initrd: "initrd.gz" },
    ]);
  });

  test("are files of their own: links, folders and odd names in a listing do not count", () => {
    const listing = [
      "/13/040755/0/0/.//",
      "/584/100644/0/0/initrd.img-6.1/7241716/",
      "/585/100600/0/0/vmlinuz-6.1/14186432/",
      "/19/120777/0/0/vmlinuz/33/",
      "/20/100644/0/0/a name/5/",
      "/21/100644/0/0/empty/0/",
      "",
    ];
    expect(regularFiles(listing.join("\n"))).toEqual(["initrd.img-6.1", "vmlinuz-6.1"]);
  });
});

test("the appliance has the disk as its only device, no network, and ends where its kernel ends", () => {
  const args = applianceArguments({ kernel: "/k", initrd: "/i" }, "/d, e.qcow2", "tcg");
  expect(args.filter((arg) => /^(virtio|e1000|user)/.test(arg))).toEqual([
    "virtio-blk-pci,drive=disk,werror=report,rerror=report",
  ]);
  expect(args).toContain(
    '{"driver":"file","filename":"/d, e.qcow2","node-name":"disk-file","discard":"unmap"}',
  );
  expect(args).toEqual(expect.arrayContaining(["-nodefaults", "-no-reboot", "tcg,thread=multi"]));
});
