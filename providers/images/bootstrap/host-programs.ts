/** What a bootstrap needs of the host, checked before anything is done. */
import { DiagnosticsError, problem } from "../../../engine/diagnostics.ts";
import type { Effects } from "../../../engine/effects.ts";
import type { Distribution } from "./recipe.ts";

/** Program → Debian's package of it. */
const PROGRAMS = {
  mmdebstrap: "mmdebstrap",
  mke2fs: "e2fsprogs",
  sfdisk: "fdisk",
  "mkfs.vfat": "dosfstools",
  mmd: "mtools",
  mcopy: "mtools",
  dd: "coreutils",
  tar: "tar",
  setpriv: "util-linux",
  unshare: "util-linux",
  "qemu-img": "qemu-utils",
} as const;
const UNSHARE_PROGRAMS = { newuidmap: "uidmap", newgidmap: "uidmap" } as const;

/** The archive's signing keys, by distribution: the first file that exists will do. */
const KEYRINGS: Readonly<Record<Distribution, { files: readonly string[]; package: string }>> = {
  debian: {
    files: [
      "/usr/share/keyrings/debian-archive-keyring.gpg",
      "/usr/share/keyrings/debian-archive-keyring.pgp",
    ],
    package: "debian-archive-keyring",
  },
  ubuntu: {
    files: [
      "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
      "/etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg",
    ],
    package: "ubuntu-keyring (on Ubuntu itself: ubuntu-keyring; elsewhere also named ubuntu-archive-keyring)",
  },
};

export type BootstrapMode = "root" | "unshare";
export type Programs = Readonly<Record<keyof typeof PROGRAMS, string>>;

export interface BootstrapHost {
  readonly mode: BootstrapMode;
  /** Absolute paths. */
  readonly programs: Programs;
}

/** Finds the programs and the way to run them; throws everything that is missing at once. */
export async function bootstrapHost(
  effects: Pick<Effects, "files" | "host" | "processes">,
  distribution: Distribution,
  address: string,
): Promise<BootstrapHost> {
  const problems = [];
  const mode: BootstrapMode = effects.host.isRoot ? "root" : "unshare";
  const wanted = { ...PROGRAMS, ...(mode === "unshare" ? UNSHARE_PROGRAMS : {}) };
  const found: Record<string, string> = {};
  const missing: string[] = [];
  for (const program of Object.keys(wanted)) {
    const path = await findProgram(effects, program);
    if (path === undefined) missing.push(program);
    else found[program] = path;
  }
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => wanted[program as keyof typeof wanted]))].sort();
    problems.push(
      problem({
        code: "host/missing-programs",
        summary: `bootstrapping an image needs ${list(missing)}, which ${missing.length === 1 ? "is" : "are"} not installed`,
        hint: `Install ${packages.length === 1 ? "the package" : "the packages"}: apt-get install ${packages.join(" ")}`,
        address,
      }),
    );
  }
  const keyring = KEYRINGS[distribution];
  const present = await Promise.all(keyring.files.map((file) => effects.files.stat(file)));
  if (present.every((file) => file === undefined)) {
    problems.push(
      problem({
        code: "host/missing-keyring",
        summary: `the signing keys of the ${distribution === "ubuntu" ? "Ubuntu" : "Debian"} archive are not installed`,
        detail: `Packages cannot be verified without ${keyring.files[0]}.`,
        hint: `Install the package ${keyring.package}.`,
        address,
      }),
    );
  }
  if (mode === "unshare") {
    const without = [];
    for (const file of ["/etc/subuid", "/etc/subgid"]) {
      const text = await effects.files.readText(file).catch(() => "");
      if (!hasSubordinateIds(text, effects.host.userName())) without.push(file);
    }
    if (without.length > 0) {
      problems.push(
        problem({
          code: "host/no-subordinate-ids",
          summary: `bootstrapping without root needs subordinate ids, and ${list(without)} ${without.length === 1 ? "has" : "have"} none for ${effects.host.userName()}`,
          detail: "Packages own files of several users; without root these are ids set aside for you.",
          hint: `As root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${effects.host.userName()}`,
          address,
        }),
      );
    }
  }
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return { mode, programs: found as Programs };
}

/** A line `user:first:count` with at least the 65,536 ids that a distribution uses; see subuid(5). */
export function hasSubordinateIds(text: string, user: string): boolean {
  return text.split("\n").some((line) => {
    const [name, , count] = line.split(":");
    return name === user && Number(count) >= 65536;
  });
}

/** File system and partition tools lie where an ordinary user's PATH may not look. */
async function findProgram(
  effects: Pick<Effects, "processes">,
  program: string,
): Promise<string | undefined> {
  for (const candidate of [program, `/usr/sbin/${program}`, `/sbin/${program}`]) {
    const path = await effects.processes.which(candidate);
    if (path !== undefined) return path;
  }
  return undefined;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
