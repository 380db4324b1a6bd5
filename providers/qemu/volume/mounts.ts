/** Brings what is mounted in a running guest to what is declared: its volumes and its shared folders. */
import { fail, type Problem } from "../../../engine/diagnostics.ts";
import { sha256 } from "../../../engine/json.ts";
import type { VmSpec } from "../../provider.ts";
import type { QemuContext } from "../context.ts";
import { indent } from "../evidence.ts";
import { asRoot, runInGuest } from "../guest-shell.ts";
import { type RunningMachine, stretched } from "../ready.ts";
import { type GuestRecord, readGuestRecord, writeRecord } from "../vm-folder.ts";
import { MOUNTS_EXIT, MOUNTS_SCRIPT } from "./mounts-script.ts";
import { shareTag } from "./share-tag.ts";
import { volumeSerial } from "./volume-folder.ts";

/** Formatting a big disk on a slow host takes its time. */
const STEP_MS = 300_000;

/** Nothing is done where the guest was told the same the last time, and nothing is released. */
export async function tellMounts(
  context: QemuContext,
  running: RunningMachine,
  spec: Pick<VmSpec, "volumes" | "shares">,
  signal: AbortSignal,
  release: readonly string[] = [],
): Promise<void> {
  const { effects } = context;
  const { folder, access, runtime } = running;
  const record: GuestRecord = (await readGuestRecord(effects, folder)) ?? { version: 1, keys: [], disk: 0 };
  const lines = mountLines(spec);
  const mark = lines.length === 0 ? "" : sha256(JSON.stringify([lines, spec.volumes?.map(({ id }) => id)]));
  if (mark === (record.mounts ?? "") && release.length === 0) return;
  const input = [...release.map((serial) => `release ${serial}`), ...lines]
    .map((line) => `${line}\n`)
    .join("");
  const result = await runInGuest(effects, access, {
    command: asRoot(access.user, MOUNTS_SCRIPT),
    input,
    timeoutMs: stretched(runtime, STEP_MS),
    signal,
  });
  if (result.code !== 0) refused(running.vm.name, result);
  const { mounts: _, ...rest } = record;
  await writeRecord(effects, folder.guest, { ...rest, ...(mark === "" ? {} : { mounts: mark }) });
}

/** One line for everything that is mounted, as the script reads them. */
export function mountLines({ volumes = [], shares = [] }: Pick<VmSpec, "volumes" | "shares">): string[] {
  const access = (readonly: boolean) => (readonly ? "ro" : "rw");
  return [
    ...volumes.flatMap(({ name, size, filesystem, mount, readonly, owner = "-", mode = "-" }) =>
      mount === undefined
        ? []
        : [["volume", volumeSerial(name), size, filesystem, mount, access(readonly), owner, mode].join(" ")],
    ),
    ...shares.map((share) => `share ${shareTag(share)} ${share.to} ${access(share.readonly)}`),
  ];
}

function refused(
  name: string,
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
): never {
  const address = `vm.${name}`;
  const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-10);
  const why = said.at(-1) ?? "";
  const known: Record<number, Problem> = {
    [MOUNTS_EXIT.busy]: {
      code: "qemu/volume-busy",
      summary: `${name} does not let go of a volume: ${why}`,
      hint: `End what uses it (look inside: vmlab ssh ${name}), or stop the VM, and apply again.`,
    },
    [MOUNTS_EXIT.noNinep]: {
      code: "qemu/no-9p",
      summary: `${name} cannot mount shared folders: ${why}`,
      detail: "Debian's cloud kernel is built without 9p; linux-image-amd64 has it.",
      hint: "Copy instead of sharing (vmlab cp --watch), or build an image with another kernel.",
    },
    [MOUNTS_EXIT.otherContent]: {
      code: "qemu/volume-not-empty",
      summary: `${name} cannot mount a volume: ${why}`,
      detail: "What holds data is never formatted.",
      hint: "Set filesystem to what the volume holds, take mount out to get the bare disk, or make the volume anew (--replace volume.NAME).",
    },
    [MOUNTS_EXIT.noTool]: {
      code: "qemu/no-volume-tools",
      summary: `${name} cannot mount a volume: ${why}`,
      hint: "Choose a filesystem whose tools the image has, or put the package (e2fsprogs, xfsprogs, btrfs-progs, util-linux) into the image.",
    },
  };
  const found = known[code ?? -1];
  if (found !== undefined) fail({ ...found, address });
  fail({
    code: "qemu/guest-update-failed",
    address,
    summary: `${name} could not be brought up to date: what it mounts could not be changed`,
    detail: `The guest's shell ended with ${code ?? "no exit code"}:\n${indent(said)}`,
    hint: `Look inside: vmlab ssh ${name}. The next apply tries again.`,
  });
}
