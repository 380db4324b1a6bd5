/** Makes a VM: folder, keys, disk, seed, and last of all its record. */
import { join } from "node:path";
import { DiagnosticsError, fail, problem } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { CallContext, VmSpec } from "../provider.ts";
import { vmAttributes } from "./attributes.ts";
import { cloneDisk } from "./clone/clone-disk.ts";
import type { QemuContext } from "./context.ts";
import { convertToQcow2, createOverlay, diskInfo } from "./disk-image.ts";
import { findUefi, noUefi } from "./firmware.ts";
import { resolveMachine } from "./machine-type.ts";
import { hashPassword } from "./password-hash.ts";
import { type SeedInputs, seedFiles } from "./seed.ts";
import { makeSeedIso, writeSeedFiles } from "./seed-iso.ts";
import { formatBytes } from "./size-text.ts";
import { knownHostsLine } from "./ssh-access.ts";
import { authorizedKeys, labKey, makeKeyPair } from "./ssh-keys.ts";
import {
  checkSocketPaths,
  macOf,
  readRuntime,
  readVmRecord,
  type VmFolder,
  type VmRecord,
  vmFolder,
  writeRecord,
} from "./vm-folder.ts";

/** File name of the first layer of a VM's own. */
const FIRST_LAYER = "disk-0.qcow2";

/** Idempotent on the id: a whole VM stays as it is, a half-made one (no record yet) is made anew. */
export async function createVm(context: QemuContext, spec: VmSpec, call: CallContext): Promise<JsonObject> {
  const { effects, home } = context;
  const folder = vmFolder(home, spec.id);
  checkSocketPaths(folder, effects.host.platform);
  const existing = await readVmRecord(effects, folder);
  if (existing !== undefined) return vmAttributes(existing, await readRuntime(effects, folder));

  const base = await requireBase(context, spec);
  const machine = await resolveMachine(effects, spec.machine, spec.name);
  const uefi = spec.firmware === "uefi" ? await findUefi(effects) : undefined;
  if (spec.firmware === "uefi" && uefi === undefined) fail({ ...noUefi, address: `vm.${spec.name}` });
  call.signal.throwIfAborted();

  call.progress("making the disk");
  await effects.files.remove(folder.root);
  await effects.files.makeDir(folder.root);
  const { clone } = spec;
  const cloned =
    clone === undefined
      ? undefined
      : await cloneDisk(context, spec, clone, { folder, file: FIRST_LAYER }, call);
  if (cloned === undefined) await createOverlay(effects, join(folder.root, FIRST_LAYER), base, spec.disk);
  if (uefi !== undefined)
    await convertToQcow2(effects, cloned?.uefiVars ?? { path: uefi.vars, format: "raw" }, folder.uefiVars);
  call.signal.throwIfAborted();

  call.progress("making the seed");
  const hostKey = await makeHostKeyAndSeed(context, folder, spec);
  // Its guest knows what its source's knew, and is told what is new.
  if (cloned?.guest !== undefined) await writeRecord(effects, folder.guest, cloned.guest);
  const vm: VmRecord = {
    version: 1,
    id: spec.id,
    name: spec.name,
    lab: { name: spec.lab.name, lineage: spec.lab.lineage },
    user: spec.user,
    layers: cloned?.layers ?? [{ digest: spec.base.digest }, { file: FIRST_LAYER }],
    disk: spec.disk,
    machine,
    firmware: spec.firmware,
    ...(uefi === undefined ? {} : { uefiCode: uefi.code }),
    mac: macOf(spec.id),
    ...(spec.cloudConfig === undefined ? {} : { cloudConfig: true as const }),
    hostKey,
    createdAt: effects.clock.now(),
  };
  await writeRecord(effects, folder.record, vm);
  return vmAttributes(vm, undefined);
}

async function requireBase(context: QemuContext, spec: VmSpec): Promise<{ path: string; format: string }> {
  const path = context.imageDisk(spec.base.digest);
  if ((await context.effects.files.stat(path)) === undefined) {
    fail({
      code: "image/missing",
      address: `vm.${spec.name}`,
      summary: `the image that ${spec.name} stands on is not in the store`,
      detail: `${spec.base.digest} should lie at ${path}.`,
      hint: "Run `vmlab apply`, which obtains missing images.",
    });
  }
  const info = await diskInfo(context.effects, path);
  if (spec.disk < info.virtualSize) {
    fail({
      code: "qemu/disk-too-small",
      address: `vm.${spec.name}`,
      summary: `the disk of ${spec.name} is smaller than its image`,
      detail: `disk is ${formatBytes(spec.disk)}, the image's disk has ${formatBytes(info.virtualSize)}.`,
      hint: `Set disk to ${formatBytes(info.virtualSize)} or more.`,
    });
  }
  return { path, format: info.format };
}

/** Resolves with the public host key. */
async function makeHostKeyAndSeed(context: QemuContext, folder: VmFolder, spec: VmSpec): Promise<string> {
  const { effects, home } = context;
  const keys = await authorizedKeys(effects, await labKey(effects, home, spec.lab), spec.keys);
  const passwordHash =
    spec.password === undefined || spec.password === ""
      ? undefined
      : await hashPassword(effects, spec.password, spec.id);
  const hostKey = await makeKeyPair(effects, folder.hostKey, `vmlab ${spec.name}`);
  const files = seedFiles({
    id: spec.id,
    name: spec.name,
    user: spec.user,
    ...(passwordHash === undefined ? {} : { passwordHash }),
    keys,
    hostKey: { privateText: await effects.files.readText(folder.hostKey), publicKey: hostKey.publicKey },
    mac: macOf(spec.id),
    networks: spec.networks ?? [],
    isClone: spec.clone !== undefined,
    ...(await cloudConfigOf(spec)),
  });
  await writeSeedFiles(effects, folder.seedFiles, files);
  await makeSeedIso(effects, folder.seedIso, folder.seedFiles, Object.keys(files));
  await effects.files.write(folder.knownHosts, knownHostsLine(spec.id, hostKey.publicKey));
  await writeRecord(effects, folder.guest, {
    version: 1,
    keys,
    ...(passwordHash === undefined ? {} : { passwordHash }),
    disk: spec.disk,
    name: spec.name,
  });
  return hostKey.publicKey;
}

async function cloudConfigOf({
  name,
  user,
  password,
  cloudConfig: text,
}: VmSpec): Promise<Pick<SeedInputs, "cloudConfig">> {
  if (text === undefined) return {};
  const { readCloudConfig } = await import("../../engine/config/cloud-config.ts");
  const login = { user, password: password !== undefined && password !== "" };
  const { keys, problems } = readCloudConfig("cloud_init", text, login);
  // Planning looked at it with what was known then; a login that was computed since may clash all the same.
  if (problems.length > 0)
    throw new DiagnosticsError(problems.map((one) => problem({ ...one, address: `vm.${name}` })));
  // cloud-init warns of a part that holds nothing.
  return keys.size === 0 ? {} : { cloudConfig: { text, keys } };
}
