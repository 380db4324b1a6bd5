/** Looks at the folders of the host that VMs share: each is there, and none shows vmlab's own data. */
import { isAbsolute, join, relative, sep } from "node:path";
import type { Diagnostic } from "../diagnostics.ts";
import type { Files } from "../effects.ts";
import { type Finding, toDiagnostics } from "./findings.ts";
import { explainPathProblem, staysInside } from "./lab-paths.ts";
import {
  baseAddress,
  type ImageInputs,
  type Lab,
  type Resource,
  type ShareInputs,
  type VmInputs,
} from "./types.ts";

/** @param home absolute path of VMLAB_HOME */
export async function checkShares(
  files: Pick<Files, "stat" | "realPath">,
  lab: Lab,
  home: string,
  resources: readonly Resource[],
): Promise<readonly Diagnostic[]> {
  const findings: Finding[] = [];
  // VMs made from one declaration share the same folders.
  const seen = new Map<string, Promise<Omit<Finding, "origin"> | undefined>>();
  for (const { type, address, inputs, origin } of resources) {
    const { shares } = inputs as VmInputs;
    if (type !== "vm" || shares === undefined) continue;
    const image = withoutNinep(inputs as VmInputs, resources);
    if (image !== undefined)
      findings.push({ ...noNinep(address, image), origin: { ...origin, path: [...origin.path, "shares"] } });
    for (const [index, share] of shares.entries()) {
      const known = seen.get(share.from);
      const problem = known ?? problemOf(files, lab, home, share);
      seen.set(share.from, problem);
      const found = await problem;
      if (found === undefined || known !== undefined) continue;
      findings.push({ ...found, address, origin: { ...origin, path: [...origin.path, "shares", index] } });
    }
  }
  return toDiagnostics(findings, (origin, spot) => lab.locate(origin, spot));
}

async function problemOf(
  files: Pick<Files, "stat" | "realPath">,
  lab: Lab,
  home: string,
  { from }: ShareInputs,
): Promise<Omit<Finding, "origin"> | undefined> {
  const path = isAbsolute(from) ? from : join(lab.folder, from);
  const stat = await files.stat(path);
  if (stat?.kind !== "folder") {
    return {
      code: "config/no-folder",
      summary: stat === undefined ? `There is no folder ${from}` : `${from} is not a folder`,
      hint: "A shared folder must be there: make it, or correct the path.",
    };
  }
  if (!isAbsolute(from) && !(await staysInside(files, lab.folder, from))) {
    return {
      code: "config/path-outside",
      summary: `${from} is outside of the lab's folder`,
      ...explainPathProblem("linked-outside"),
      hint: "Share a folder of the lab, or name another one by its absolute path.",
    };
  }
  const real = (await files.realPath(path)) ?? path;
  for (const own of [join(lab.folder, ".vmlab"), home]) {
    const realOwn = (await files.realPath(own)) ?? own;
    if (!contains(real, realOwn) && !contains(realOwn, real)) continue;
    return {
      code: "config/share-of-own-data",
      summary: `${from} cannot be shared: it would show ${own} to the guest`,
      detail: "States, keys and disks of other VMs lie there.",
      hint: "Share a folder beside or below it that holds only what the guest needs.",
    };
  }
  return undefined;
}

/** The bootstrapped Debian below a VM, which has the cloud kernel unless packages name another one. */
function withoutNinep(vm: VmInputs, resources: readonly Resource[]): string | undefined {
  const packages: string[] = [];
  for (let address: string | undefined = baseAddress(vm); address !== undefined; ) {
    const found = resources.find((resource) => resource.address === address);
    const { build, bootstrap } = (found?.inputs ?? {}) as Partial<ImageInputs>;
    for (const step of build?.steps ?? []) if (step.kind === "packages") packages.push(...step.names);
    packages.push(...(bootstrap?.packages ?? []));
    if (bootstrap?.distribution === "debian" && !packages.some((name) => name.startsWith("linux-image")))
      return address;
    address = build?.parent;
  }
  return undefined;
}

function noNinep(address: string, image: string): Finding {
  return {
    code: "config/no-9p",
    severity: "warning",
    summary: `${address} can hardly mount its shared folders: ${image} has a kernel without 9p`,
    detail: "A bootstrapped Debian boots Debian's cloud kernel, which is built without it.",
    address,
    hint: "Copy instead of sharing (vmlab cp --watch), or build an image in which linux-image-amd64 takes the cloud kernel's place.",
  };
}

/** True when `inner` is `outer` or lies in it. */
function contains(outer: string, inner: string): boolean {
  const between = relative(outer, inner);
  return between === "" || !(between === ".." || between.startsWith(`..${sep}`) || isAbsolute(between));
}
