/** The installed Packer: which version, and so which dialect of templates it takes. */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { isJsonObject } from "../../engine/json.ts";

/**
 * `builtin`: Packer 1.6, whose QEMU builder is part of it and which refuses `required_plugins`. `plugin`: 1.7 and newer,
 * with the plugin github.com/hashicorp/qemu.
 */
export type Dialect = "builtin" | "plugin";

export interface PackerProgram {
  /** Absolute path. */
  readonly path: string;
  /** Such as `1.6.6`. */
  readonly version: string;
  readonly dialect: Dialect;
}

/** Templates in JSON of HCL2 came with it. */
const OLDEST = [1, 6] as const;
const FIRST_WITH_PLUGINS = [1, 7] as const;
const OLDEST_PLUGIN = [1, 1] as const;

const INSTALL =
  "Debian, Ubuntu: apt install packer. macOS: brew install packer. Others: https://developer.hashicorp.com/packer/install";

async function requirePacker(effects: Pick<Effects, "processes">, address: string): Promise<string> {
  const path = await effects.processes.which("packer");
  if (path !== undefined) return path;
  return fail({
    code: "image/packer-missing",
    summary: `building ${address} needs Packer, which is not installed`,
    hint: INSTALL,
    address,
  });
}

/** Fails with what to install when Packer or its plugin for QEMU is missing or too old. */
export async function findPacker(
  effects: Pick<Effects, "processes" | "files">,
  home: Home,
  address: string,
): Promise<PackerProgram> {
  const path = await requirePacker(effects, address);
  const version = await versionOf(effects, home, path);
  if (version === undefined) {
    fail({
      code: "image/packer-missing",
      summary: `building ${address} needs Packer, and ${path} is another program of that name`,
      detail: "It does not answer `packer version` as HashiCorp's Packer does.",
      hint: `${INSTALL}. It has to come first on PATH.`,
      address,
    });
  }
  const dialect = dialectOf(version);
  if (dialect === undefined) {
    fail({
      code: "image/packer-too-old",
      summary: `building ${address} needs Packer 1.6 or newer`,
      detail: `${path} is version ${version}.`,
      hint: INSTALL,
      address,
    });
  }
  if (dialect === "plugin") await requirePlugin(effects, path, address);
  return { path, version, dialect };
}

/** The dialect of the installed Packer; that of present releases where none is installed. */
export async function installedDialect(
  effects: Pick<Effects, "processes" | "files">,
  home: Home,
): Promise<Dialect> {
  const path = await effects.processes.which("packer");
  const version = path === undefined ? undefined : await versionOf(effects, home, path);
  return (version === undefined ? undefined : dialectOf(version)) ?? "plugin";
}

/** Undefined for a version that is too old. */
export function dialectOf(version: string): Dialect | undefined {
  if (isOlder(version, OLDEST)) return undefined;
  return isOlder(version, FIRST_WITH_PLUGINS) ? "builtin" : "plugin";
}

/** Reads `Packer v1.6.6` and what may follow it. */
export function parsePackerVersion(text: string): string | undefined {
  return /^Packer v(\d+\.\d+\.\d+)/m.exec(text)?.[1];
}

/** Versions of the QEMU plugin in the output of `packer plugins installed`: a path a line. */
export function installedPluginVersions(text: string): readonly string[] {
  return [...text.matchAll(/packer-plugin-qemu_v(\d+\.\d+\.\d+)_/g)].flatMap(([, version]) => version ?? []);
}

async function requirePlugin(
  effects: Pick<Effects, "processes">,
  path: string,
  address: string,
): Promise<void> {
  const { code, stdout } = await effects.processes.run(path, ["plugins", "installed"], {
    env: QUIET,
    timeoutMs: 30_000,
  });
  // Releases without that command say what is missing when they build.
  if (code !== 0) return;
  const versions = installedPluginVersions(stdout);
  if (versions.some((version) => !isOlder(version, OLDEST_PLUGIN))) return;
  fail({
    code: "image/packer-plugin-missing",
    summary: `building ${address} needs Packer's plugin for QEMU, version 1.1 or newer`,
    detail:
      versions.length === 0 ? "It is not installed." : `Only version ${versions.join(", ")} is installed.`,
    hint: "Install it: packer plugins install github.com/hashicorp/qemu",
    address,
  });
}

/** No question to HashiCorp about updates. */
export const QUIET = { CHECKPOINT_DISABLE: "1" } as const;

/** Asking takes Packer half a second, so the answer is kept until the program's file changes. */
async function versionOf(
  effects: Pick<Effects, "processes" | "files">,
  home: Home,
  path: string,
): Promise<string | undefined> {
  const file = await effects.files.stat(path);
  const key = JSON.stringify([path, file?.mtimeMs, file?.size, file?.inode]);
  const cache = join(home.cache, "packer-version.json");
  const known = await cachedVersion(effects, cache, key);
  if (known !== undefined) return known;
  const { stdout } = await effects.processes.run(path, ["version"], { env: QUIET, timeoutMs: 30_000 });
  const version = parsePackerVersion(stdout);
  if (version === undefined) return undefined;
  await effects.files.makeDir(home.cache);
  await effects.files.write(cache, `${JSON.stringify({ key, version })}\n`);
  return version;
}

async function cachedVersion(
  effects: Pick<Effects, "files">,
  cache: string,
  key: string,
): Promise<string | undefined> {
  try {
    const entry: unknown = JSON.parse(await effects.files.readText(cache));
    if (isJsonObject(entry) && entry.key === key && typeof entry.version === "string") return entry.version;
  } catch {
    // None yet, or damaged: it is only a cache.
  }
  return undefined;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
