/** VMs become images: on the tiny guest, and on Debian, with its guest agent, when all tests run. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { longTest } from "../support/long-test.ts";

const MINUTE = 60_000;

let lab: CliLab;
afterEach(() => lab.dispose());

interface Exported {
  readonly digest: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Runs an export and resolves with what its last line tells. */
async function exported(...args: string[]): Promise<Exported> {
  const lines = (await lab.ok("export", ...args, "--json")).trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "") as Exported;
}

const disk = (digest: string) => join(lab.home, "images", digest, "disk.qcow2");
const layers = (path: string) =>
  (
    JSON.parse(
      execFileSync("qemu-img", ["info", "-U", "--backing-chain", "--output=json", path], {
        encoding: "utf8",
      }),
    ) as { "backing-filename"?: string; "format-specific": { data: { "compression-type": string } } }[]
  ).map((layer) => [layer["backing-filename"], layer["format-specific"].data["compression-type"]]);

// One story in order: each boot takes its time.
test(
  "a VM is exported while it runs and when it is off, whoever is killed meanwhile, and a VM on the image has its data",
  async () => {
    lab = await CliLab.create(`lab = { name = "export" } # mine
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
[vms.web]
image = "tiny"
memory = "128MiB"
disk = "96MiB"
`);
    await lab.ok("apply", "--yes");
    const base = (await lab.list("images")).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? "";
    await lab.guest("web", "echo kept >/home/lab/data; mkdir /etc/ssh; echo k >/etc/ssh/ssh_host_x; sync");
    const toml = await readFile(join(lab.folder, "lab.toml"), "utf8");
    const pid = await lab.pid("web");

    const running = await lab.run(["export", "web", "base"]);
    expect(running.all).toContain("[image/export-running]");
    // The tiny guest has no agent that could freeze its file system.
    const unasked = await lab.run(["export", "web", "base", "--live", "--no-verify"]);
    expect(unasked.all).toContain("[image/export-no-agent]");
    expect(await lab.list("images")).toEqual([base]);
    const killed = await lab.run(["export", "web", "base", "--live", "--crash-consistent", "--no-verify"], {
      signals: [{ when: /sealing the copy/, send: "SIGKILL" }],
    });
    expect(killed.signal).toBe("SIGKILL");
    expect(await readFile(join(lab.folder, "lab.toml"), "utf8")).toBe(toml);
    expect(await lab.pid("web")).toBe(pid);
    expect(await lab.guest("web", "cat /home/lab/data")).toBe("kept");

    const live = await exported("web", "live", "--live", "--crash-consistent", "--no-seal", "--no-verify");
    expect((await lab.list("images")).sort()).toEqual([base, live.digest].sort());
    expect(await lab.machines()).toEqual([pid]);
    expect(await lab.pid("web")).toBe(pid);

    await lab.ok("stop", "web");
    const own = join(lab.home, "vms", await lab.instance("web"));
    const before = await contents(own);
    const layered = await exported("web", "base");
    const flat = await exported(
      "web",
      "alone",
      "--flatten",
      "--compress",
      "none",
      "--no-seal",
      "--no-verify",
    );
    expect(await contents(own)).toEqual(before);
    expect(await lab.machines()).toEqual([]);
    expect(await lab.vmFolders()).toHaveLength(1);
    expect(layered.attributes).toMatchObject({
      name: "base",
      user: "lab",
      parent: base,
      virtual_size: 96 * 2 ** 20,
    });
    expect(layers(disk(layered.digest))).toEqual([
      [`../${base}/disk.qcow2`, "zstd"],
      [undefined, "zlib"],
    ]);
    expect(layers(disk(flat.digest))).toEqual([[undefined, "zlib"]]);
    for (const { digest } of [live, layered, flat]) {
      const bytes = await readFile(disk(digest));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(digest);
    }
    // What differs from the image below, and nothing else.
    expect((await readFile(disk(layered.digest))).length).toBeLessThan(4 * 2 ** 20);
    expect(await readFile(join(lab.folder, "lab.toml"), "utf8")).toBe(
      toml +
        [
          ["live", live.digest],
          ["base", layered.digest],
          ["alone", flat.digest],
        ]
          .map(([name, digest]) => `\n[images.${name}]\ndigest = "sha256:${digest}"\nuser = "lab"\n`)
          .join(""),
    );

    await lab.ok("create", "child", "--image", "base", "--memory", "128MiB", "--disk", "96MiB", "--yes");
    expect(await lab.guest("child", "hostname; cat /home/lab/data; ls /etc/ssh")).toBe("child\nkept");
    expect(await lab.changes()).toEqual([expect.stringContaining("Note: vm.web is stopped on request")]);
  },
  15 * MINUTE,
);

/** Digests of the files that make the machine; what vmlab notes of its runs aside. */
async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => /\.(qcow2|iso|json)$/.test(name));
  const digests = await Promise.all(
    names.map(async (name) =>
      createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex"),
    ),
  );
  return Object.fromEntries(names.map((name, index) => [name, digests[index] ?? ""]));
}

longTest(
  "a Debian VM is exported while it writes: frozen for a moment, a machine of its own on the image",
  async () => {
    lab = await CliLab.create(`lab = { name = "export" }
[images]
bookworm = { path = "${await bookworm()}", user = "debian" }
[vms.web]
image = "bookworm"
cpus = 2
memory = "512MiB"
disk = "3GiB"
`);
    await lab.ok("apply", "--yes");
    const identity =
      "hostname; cat /etc/machine-id; sudo cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2";
    const ofWeb = (await lab.guest("web", identity)).split("\n");
    await lab.guest("web", "echo precious | sudo tee /srv/data; sudo useradd -m joe; sync");
    const writer = "i=0; while :; do i=$((i + 1)); echo $i >>counter; sync counter; sleep 0.2; done";
    await lab.guest("web", `nohup sh -c '${writer}' >/dev/null 2>&1 & true`);

    const told = await lab.ok("export", "web", "base", "--live");
    expect(told).toMatch(/its file systems stood still for \d+ ms/);
    expect(told).toContain("Users, their homes and what was installed are in it");
    // It goes on writing.
    const count = async () => Number(await lab.guest("web", "wc -l <counter"));
    const counted = await count();
    await lab.guest("web", "tail -n 0 -f counter | head -n 1");
    expect(await count()).toBeGreaterThan(counted);

    await lab.ok("create", "child", "--image", "base", "--memory", "512MiB", "--disk", "3GiB", "--yes");
    const [name, machineId, hostKey] = (await lab.guest("child", identity)).split("\n");
    expect(name).toBe("child");
    expect(machineId).toMatch(/^[0-9a-f]{32}$/);
    expect(machineId).not.toBe(ofWeb[1]);
    expect(hostKey).not.toBe(ofWeb[2]);
    expect(await lab.guest("child", "cat /srv/data; ls -d /home/joe; cloud-init status")).toBe(
      "precious\n/home/joe\nstatus: done",
    );
    // Whole lines up to the moment of the copy.
    expect(
      await lab.guest("child", "awk '$1 != NR { bad = 1 } END { print (NR > 0), bad + 0 }' counter"),
    ).toBe("1 0");
    expect(await lab.changes()).toEqual([]);

    await lab.ok("export", "web", "base", "--live", "--no-verify", "--yes");
    const changes = (await lab.changes()).filter((line) => line.startsWith("±"));
    expect(changes).toEqual([
      expect.stringContaining("image.base  already in the store"),
      expect.stringContaining("vm.child  replace  ← image.base"),
    ]);
  },
  60 * MINUTE,
);
