import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "@jest/globals";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";
import { temporaryFolders } from "../support/temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const BOOT_TIMEOUT_MS = 600_000;
/** Where distributions put UEFI firmware for QEMU. */
const OVMF = "/usr/share/OVMF";
const MARK = "PROBE ";

let machine: ChildProcess | undefined;
afterEach(() => {
  machine?.kill("SIGKILL");
  machine = undefined;
});

// Two boots and an update-grub take minutes; the main path boots the same image in every run.
longTest(
  "a bootstrapped Debian boots under BIOS, and after update-grub under UEFI, with everything that vmlab relies on",
  async () => {
    const base = await bookworm();
    const folder = await temporaryFolder();
    const disk = join(folder, "disk.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk, "4G"]);

    const bios = await boot(
      folder,
      disk,
      "first",
      [],
      [
        "hostname",
        "systemctl is-active ssh systemd-networkd systemd-resolved qemu-guest-agent",
        "systemctl --failed --no-legend | wc -l",
        "ls /etc/ssh/ssh_host_*_key",
        "df --output=size -BM / | tail -1",
        "wc -c </etc/machine-id",
        "sudo -l -U vmlab | tail -1",
        "test -e /sys/firmware/efi && echo uefi || echo bios",
        "update-grub >/dev/null 2>&1; grep -c ^menuentry /boot/grub/grub.cfg",
      ],
    );
    expect(bios.slice(0, 5)).toEqual(["first", "active", "active", "active", "active"]);
    expect(bios[5]).toBe("0");
    expect(bios[6]).toBe("/etc/ssh/ssh_host_ed25519_key");
    expect(Number.parseInt(bios[7] ?? "", 10)).toBeGreaterThan(3700);
    expect(bios.slice(8)).toEqual(["33", "(ALL) NOPASSWD: ALL", "bios", "1"]);

    const vars = join(folder, "vars.fd");
    copyFileSync(join(OVMF, "OVMF_VARS_4M.fd"), vars);
    const firmware = [
      ...["-drive", `if=pflash,format=raw,readonly=on,file=${join(OVMF, "OVMF_CODE_4M.fd")}`],
      ...["-drive", `if=pflash,format=raw,file=${vars}`],
    ];
    const uefi = await boot(folder, disk, "second", firmware, [
      "hostname",
      "systemctl is-active ssh",
      "test -e /sys/firmware/efi && echo uefi || echo bios",
      "grep -o mitigations=off /proc/cmdline",
    ]);
    expect(uefi).toEqual(["second", "active", "uefi", "mitigations=off"]);
  },
  2 * BOOT_TIMEOUT_MS + 600_000,
);

/** Boots a disk with a seed that runs `commands` and powers off; resolves with what they printed. */
async function boot(
  folder: string,
  disk: string,
  name: string,
  firmware: readonly string[],
  commands: readonly string[],
): Promise<readonly string[]> {
  // Marked, since a login prompt and the kernel write to the same console.
  const script = `{ ${commands.join("\n")}\n} 2>&1 | sed --unbuffered "s/^/${MARK}/" >/dev/ttyS0; poweroff`;
  writeFileSync(join(folder, "meta-data"), `instance-id: ${name}\n`);
  const user = { name: "vmlab", sudo: "ALL=(ALL) NOPASSWD:ALL", shell: "/bin/bash" };
  const userData = {
    hostname: name,
    users: [user],
    runcmd: [["sh", "-c", script]],
  };
  writeFileSync(join(folder, "user-data"), `#cloud-config\n${JSON.stringify(userData)}\n`);
  const seed = join(folder, `${name}.iso`);
  execFileSync(
    "genisoimage",
    ["-quiet", "-output", seed, "-volid", "cidata", "-joliet", "-rock", "user-data", "meta-data"],
    { cwd: folder },
  );

  const child = spawn(
    "qemu-system-x86_64",
    [
      ...["-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-m", "768"],
      ...["-nodefaults", "-display", "none", "-serial", "stdio", ...firmware],
      ...[
        "-drive",
        `file=${disk},if=virtio,format=qcow2`,
        "-drive",
        `file=${seed},if=virtio,format=raw,readonly=on`,
      ],
      ...[
        "-netdev",
        "user,id=n0",
        "-device",
        "virtio-net-pci,netdev=n0",
        "-device",
        "virtio-rng-pci",
        "-device",
        "virtio-serial",
      ],
      ...["-chardev", "null,id=agent", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  machine = child;
  let console = "";
  child.stdout.on("data", (data: Buffer) => {
    console += data.toString("latin1");
  });
  const code = await new Promise<number | null | "late">((resolve) => {
    const timer = setTimeout(() => resolve("late"), BOOT_TIMEOUT_MS);
    child.once("exit", (exitCode) => {
      clearTimeout(timer);
      resolve(exitCode);
    });
  });
  const said = console.split(/\r?\n/).flatMap((line) => {
    const start = line.indexOf(MARK);
    return start < 0 ? [] : [line.slice(start + MARK.length).trim()];
  });
  if (code !== 0 || said.length === 0) {
    child.kill("SIGKILL");
    const how = code === "late" ? "did not power off in time" : `QEMU ended with ${code}`;
    throw new Error(`${name}: ${how} (load ${loadavg().join(" ")}):\n${console.slice(-3000)}`);
  }
  return said;
}
