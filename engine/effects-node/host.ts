import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, freemem, hostname, totalmem, userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { systemErrorCode } from "../diagnostics.ts";
import type { Host } from "../effects.ts";
import { sha256 } from "../json.ts";

/** Facts of this host. Ids are read once. */
export function nodeHost(): Host {
  let boot: Promise<string> | undefined;
  let host: Promise<string> | undefined;
  return {
    bootId() {
      boot ??= readBootId();
      return boot;
    },
    hostId() {
      host ??= readHostId();
      return host;
    },
    hostName: () => hostname(),
    userName,
    memory,
    cpus: () => availableParallelism(),
    disk,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    env: process.env,
  };
}

/** The values of MemTotal and MemAvailable in /proc/meminfo, in bytes. */
export function parseMeminfo(text: string): { total: number; available: number } | undefined {
  const field = (name: string): number | undefined => {
    const value = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return value === undefined ? undefined : Number(value) * 1024;
  };
  const total = field("MemTotal");
  const available = field("MemAvailable");
  return total === undefined || available === undefined ? undefined : { total, available };
}

async function readBootId(): Promise<string> {
  if (process.platform === "linux") return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  return (await output("sysctl", ["-n", "kern.bootsessionuuid"])).trim();
}

async function readHostId(): Promise<string> {
  // systemd asks applications to hash the machine id, with a text of their own (machine-id(5)).
  return sha256(`vmlab host ${(await machineId()) ?? hostname()}`).slice(0, 32);
}

async function machineId(): Promise<string | undefined> {
  if (process.platform === "darwin") {
    const tree = await output("ioreg", ["-rd1", "-c", "IOPlatformExpertDevice"]);
    return /"IOPlatformUUID" = "([^"]+)"/.exec(tree)?.[1];
  }
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const id = (await readFile(path, "utf8")).trim();
      if (/^[0-9a-f]{32}$/.test(id)) return id;
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
    }
  }
  return undefined;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database.
    return process.env.USER ?? String(process.getuid?.() ?? "unknown");
  }
}

async function memory(): Promise<{ total: number; available: number }> {
  const found =
    process.platform === "linux" ? parseMeminfo(await readFile("/proc/meminfo", "utf8")) : undefined;
  const { total, available } = found ?? { total: totalmem(), available: freemem() };
  const limit = Math.min(total, (await controlGroupLimit()) ?? total);
  return { total: limit, available: Math.min(available, limit) };
}

/** In a container: what its control group (version 2) may use. The root group has no such file. */
async function controlGroupLimit(): Promise<number | undefined> {
  try {
    const limit = Number((await readFile("/sys/fs/cgroup/memory.max", "utf8")).trim());
    return Number.isFinite(limit) ? limit : undefined;
  } catch {
    return undefined;
  }
}

async function disk(path: string): Promise<{ total: number; free: number }> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    try {
      const found = await statfs(folder);
      return { total: found.blocks * found.bsize, free: found.bavail * found.bsize };
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT" || folder === dirname(folder)) throw error;
    }
  }
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
}
