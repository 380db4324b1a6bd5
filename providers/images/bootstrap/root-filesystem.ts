/**
 * Packages → a root file system in one file, with root's rights or in a user namespace.
 *
 * As root the tree is a folder. Without root it comes as a tar archive and is unpacked and made into a file system
 * by a helper in the namespace, in a folder that belongs to the namespace's root, so that nobody else can change it.
 */
import { join } from "node:path";
import type { Effects } from "../../../engine/effects.ts";
import { ROOT_LABEL } from "./guest-files.ts";
import type { BootstrapHost } from "./host-programs.ts";
import { runTool } from "./run-tool.ts";

/** Folders of a build. */
export interface RootFolders {
  /** Ours, readable to all when without root. */
  readonly work: string;
  /** The namespace's; without root only. It does not exist yet. */
  readonly namespace: string;
}

export interface MmdebstrapCall {
  readonly suite: string;
  /** Lines of sources.list; undefined: mmdebstrap's own for the suite. */
  readonly sources: readonly string[] | undefined;
  readonly packages: readonly string[];
  readonly prepareHook: string;
  readonly customizeHook: string;
}

/** Arguments of mmdebstrap. Translations and documentation are left out, as in container images; licences stay. */
export function mmdebstrapArguments(
  call: MmdebstrapCall,
  mode: BootstrapHost["mode"],
  target: string,
): readonly string[] {
  return [
    `--mode=${mode}`,
    "--variant=minbase",
    "--architectures=amd64",
    `--include=${call.packages.join(",")}`,
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "5"',
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    `--essential-hook=${call.prepareHook}`,
    `--customize-hook=${call.customizeHook}`,
    `--format=${mode === "root" ? "directory" : "tar"}`,
    call.suite,
    target,
    ...(call.sources ?? []),
  ];
}

/**
 * mmdebstrap so that it ends with vmlab, whatever ends that. As root it mounts /proc, /sys and parts of /dev into the
 * tree: in namespaces of its own these are never seen by anybody else, least of all by whoever removes the tree, and
 * go with the last process. Without root it makes its own namespaces, and a signal must do.
 */
export function isolatedCall(host: BootstrapHost, args: readonly string[]): readonly [string, ...string[]] {
  const { programs, mode } = host;
  if (mode === "unshare") return [programs.setpriv, "--pdeathsig=TERM", programs.mmdebstrap, ...args];
  return [
    programs.setpriv,
    "--pdeathsig=KILL",
    programs.unshare,
    ...["--mount", "--pid", "--fork", "--kill-child=KILL"],
    programs.mmdebstrap,
    ...args,
  ];
}

/** Where mmdebstrap puts the tree. */
export function rootTarget(folders: RootFolders, mode: BootstrapHost["mode"]): string {
  return join(folders.work, mode === "root" ? "root" : "root.tar");
}

/** A file of the tree, read without unpacking the rest. */
export async function readFromRoot(
  effects: Pick<Effects, "files" | "processes">,
  host: BootstrapHost,
  folders: RootFolders,
  path: string,
  call: { address: string; signal: AbortSignal },
): Promise<Buffer> {
  const target = rootTarget(folders, host.mode);
  if (host.mode === "root") return effects.files.read(join(target, path));
  const into = join(folders.work, "taken");
  await effects.files.makeDir(into);
  await runTool(
    effects,
    host.programs.tar,
    ["--extract", `--file=${target}`, `--directory=${into}`, "--no-same-owner", `.${path}`],
    {
      ...call,
      doing: `taking ${path} out of the new system`,
    },
  );
  return effects.files.read(join(into, path));
}

/** File system features that GRUB 2.06 and every supported guest know, whatever this host's mke2fs.conf says. */
const MKE2FS_CONFIG = `[defaults]
  base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
  default_mntopts = acl,user_xattr
  enable_periodic_fsck = 0
  blocksize = 4096
  inode_size = 256
  inode_ratio = 16384
[fs_types]
  ext4 = {
    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
  }
`;

/** Makes the root file system of `size` bytes and resolves with the file that holds it. */
export async function makeRootFilesystem(
  effects: Pick<Effects, "files" | "processes">,
  host: BootstrapHost,
  folders: RootFolders,
  options: { uuid: string; size: number; address: string; signal: AbortSignal },
): Promise<string> {
  const { address, signal } = options;
  const config = join(folders.work, "mke2fs.conf");
  await effects.files.write(config, MKE2FS_CONFIG, { mode: 0o644 });
  const call = {
    address,
    signal,
    env: { MKE2FS_CONFIG: config },
    doing: "making the root file system",
    hint: "When it says that there is no space left in the file system, give the image a larger bootstrap.size.",
  };
  const mke2fs = (tree: string, file: string): readonly string[] => [
    host.programs.mke2fs,
    "-q",
    "-F",
    ...["-t", "ext4"],
    ...["-U", options.uuid],
    ...["-L", ROOT_LABEL],
    ...["-m", "1"],
    ...["-E", `lazy_itable_init=1,resize=${MAX_GROW_BLOCKS}`],
    ...["-d", tree],
    file,
    `${options.size / 1024}k`,
  ];
  if (host.mode === "root") {
    const file = join(folders.work, "root.img");
    const [program = "", ...args] = mke2fs(rootTarget(folders, "root"), file);
    await runTool(effects, program, args, call);
    return file;
  }
  const helper = (...args: readonly string[]) =>
    runTool(effects, host.programs.mmdebstrap, ["--unshare-helper", ...args], call);
  const tree = join(folders.namespace, "root");
  const file = join(folders.namespace, "root.img");
  await helper("mkdir", "--mode=0755", folders.namespace);
  await helper("mkdir", tree);
  // Device nodes cannot be made in a namespace, and the guest's /dev is a devtmpfs. Capabilities are xattrs.
  await helper(
    host.programs.tar,
    "--extract",
    `--file=${rootTarget(folders, "unshare")}`,
    `--directory=${tree}`,
    "--numeric-owner",
    "--preserve-permissions",
    "--xattrs",
    "--xattrs-include=*",
    "--exclude=./dev/*",
  );
  await helper(...mke2fs(tree, file));
  return file;
}

/** 64 GiB in blocks of 4 KiB: growth up to there stays in place; beyond, the kernel chains further descriptors. */
const MAX_GROW_BLOCKS = 16_777_216;
