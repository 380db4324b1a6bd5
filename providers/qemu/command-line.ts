/** QEMU's arguments for one VM: a pure function of what is declared, recorded and chosen. */
import { basename } from "node:path";
import type { ShareSpec } from "../provider.ts";
import type { Accelerator } from "./accel-probe.ts";
import type { Forward } from "./forwards.ts";
import { hostForwardRule } from "./forwards.ts";
import { type ConnectedInterface, interfaceName } from "./network/interfaces.ts";
import type { VmFolder } from "./vm-folder.ts";
import { nodeOf, uuidOf } from "./vm-folder.ts";
import { type VolumeDisk, volumeDevice, volumeLayers } from "./volume/plug.ts";
import { shareTag } from "./volume/share-tag.ts";

/** Node name of the UEFI variables' format layer. */
export const UEFI_VARS_NODE = "uefi-vars";
/** Id of the user-mode network, for the monitor. */
export const USER_NETWORK = "user0";
/** Trace events that QEMU writes to qemu.log; read.ts tells from them how a machine ended and whether it is paused. */
const TRACED = ["qemu_system_shutdown_request", "vm_state_notify"] as const;

/**
 * What x86-64-v2 distributions ask for and nothing beyond: guests would use AVX where `max` offers it, and emulating
 * that makes a boot a quarter longer.
 */
export const EMULATED_CPU = "Nehalem";

export interface MachineOptions {
  readonly folder: VmFolder;
  readonly name: string;
  readonly machine: string;
  readonly accel: Accelerator;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly mac: string;
  /** Absolute path of the active layer. */
  readonly disk: string;
  readonly uefiCode?: string;
  readonly forwards: readonly Forward[];
  readonly interfaces: readonly ConnectedInterface[];
  /** False cuts the guest off from everything but its forwarded ports. */
  readonly internet: boolean;
  readonly volumes: readonly VolumeDisk[];
  readonly shares: readonly ShareSpec[];
  /** It waits for "cont" before its first instruction. */
  readonly paused?: boolean;
  /** PCI slots of volumes and shared folders, by the ids of their devices; QEMU chooses the others'. */
  readonly slots?: Readonly<Record<string, string>>;
}

/** The argument vector (without the program). Only names of vmlab's own making and checked values reach it. */
export function commandLine(options: MachineOptions): string[] {
  const { folder } = options;
  return [
    ...["-name", `guest=${options.name}`],
    ...["-uuid", uuidOf(folder.id)],
    "-nodefaults",
    "-no-user-config",
    ...["-display", "none"],
    ...["-machine", options.machine],
    ...["-accel", options.accel === "tcg" ? "tcg,thread=multi" : options.accel],
    ...["-cpu", options.accel === "tcg" ? EMULATED_CPU : "host"],
    ...["-smp", `cpus=${options.cpus}`],
    ...["-m", `${Math.ceil(options.memory / 2 ** 20)}M`],
    ...["-rtc", "base=utc,clock=host"],
    // A guest that suspends to RAM would look dead to everything but its power button.
    ...["-global", "PIIX4_PM.disable_s3=1"],
    ...["-global", "PIIX4_PM.disable_s4=1"],
    ...firmware(options),
    ...disk(options.disk),
    ...seed(folder.seedIso),
    ...[
      "-netdev",
      `user,id=${USER_NETWORK}${options.internet ? "" : ",restrict=on"}${options.forwards.map((f) => `,hostfwd=${hostForwardRule(f)}`).join("")}`,
    ],
    // Without a boot ROM the firmware does not try the network.
    ...[
      "-device",
      `virtio-net-pci,netdev=${USER_NETWORK},id=net-${USER_NETWORK},mac=${options.mac},romfile=`,
    ],
    ...options.interfaces.flatMap(interfaceArguments),
    ...["-object", "rng-random,id=rng0,filename=/dev/urandom"],
    ...["-device", "virtio-rng-pci,rng=rng0"],
    ...["-device", "virtio-serial-pci,id=serial0"],
    ...["-chardev", `socket,id=agent,path=${commas(folder.agentSocket)},server=on,wait=off`],
    ...["-device", "virtserialport,bus=serial0.0,chardev=agent,name=org.qemu.guest_agent.0"],
    ...[
      "-chardev",
      `socket,id=console,path=${commas(folder.consoleSocket)},server=on,wait=off,` +
        `logfile=${commas(folder.consoleLog)},logappend=on`,
    ],
    ...["-serial", "chardev:console"],
    // Last, so that no other device has another place on the bus because of them.
    ...options.volumes.flatMap((volume) => volumeArguments(volume, options.slots)),
    ...options.shares.flatMap((share, index) => shareArguments(share, index, options.slots)),
    ...["-qmp", `unix:${commas(folder.qmpSocket)},server=on,wait=off`],
    ...["-D", folder.qemuLog],
    ...TRACED.flatMap((event) => ["-trace", event]),
    ...["-pidfile", folder.pidFile],
    ...(options.paused === true ? ["-S"] : []),
    "-daemonize",
  ];
}

function firmware(options: MachineOptions): string[] {
  if (options.uefiCode === undefined) return [];
  // The variables are qcow2, or internal snapshots would be refused.
  return [
    ...[
      "-blockdev",
      json({ driver: "file", filename: options.uefiCode, "node-name": "uefi-code-file", "read-only": true }),
    ],
    ...[
      "-blockdev",
      json({ driver: "raw", file: "uefi-code-file", "node-name": "uefi-code", "read-only": true }),
    ],
    ...[
      "-blockdev",
      json({ driver: "file", filename: options.folder.uefiVars, "node-name": "uefi-vars-file" }),
    ],
    ...["-blockdev", json({ driver: "qcow2", file: "uefi-vars-file", "node-name": UEFI_VARS_NODE })],
    ...["-machine", `pflash0=uefi-code,pflash1=${UEFI_VARS_NODE}`],
  ];
}

function disk(path: string): string[] {
  const node = nodeOf(basename(path));
  return [
    ...["-blockdev", json({ driver: "file", filename: path, "node-name": `${node}-file`, discard: "unmap" })],
    ...["-blockdev", json({ driver: "qcow2", file: `${node}-file`, "node-name": node, discard: "unmap" })],
    // werror=enospc: a full host disk pauses the machine instead of giving the guest write errors.
    ...["-device", `virtio-blk-pci,drive=${node},id=disk-0-device,bootindex=0,werror=enospc,rerror=report`],
  ];
}

function seed(path: string): string[] {
  return [
    ...["-blockdev", json({ driver: "file", filename: path, "node-name": "seed-file", "read-only": true })],
    ...["-blockdev", json({ driver: "raw", file: "seed-file", "node-name": "seed", "read-only": true })],
    ...["-device", "virtio-blk-pci,drive=seed,id=seed-device,serial=vmlab-seed"],
  ];
}

/** Always with localaddr: without it the frames leave the host. */
function interfaceArguments({ mac, segment: { group, port } }: ConnectedInterface, index: number): string[] {
  const id = interfaceName(index);
  return [
    ...["-netdev", `socket,id=${id},mcast=${group}:${port},localaddr=127.0.0.1`],
    ...["-device", `virtio-net-pci,netdev=${id},id=net-${id},mac=${mac},romfile=`],
  ];
}

function volumeArguments(volume: VolumeDisk, slots: MachineOptions["slots"]): string[] {
  const device = volumeDevice(volume);
  const addr = slots?.[device.id ?? ""];
  return [
    ...volumeLayers(volume).flatMap((layer) => ["-blockdev", json(layer)]),
    ...["-device", json(addr === undefined ? device : { ...device, addr })],
  ];
}

/** The host's own permissions hold: what QEMU's user may not do, the guest's root may not either. */
function shareArguments(share: ShareSpec, index: number, slots: MachineOptions["slots"]): string[] {
  const id = `share${index}`;
  const addr = slots?.[`${id}-device`];
  return [
    ...[
      "-fsdev",
      `local,id=${id},path=${commas(share.from)},security_model=none,multidevs=remap,readonly=${share.readonly ? "on" : "off"}`,
    ],
    ...[
      "-device",
      `virtio-9p-pci,id=${id}-device,fsdev=${id},mount_tag=${shareTag(share)}${addr === undefined ? "" : `,addr=${addr}`}`,
    ],
  ];
}

/** -blockdev takes JSON, which needs no quoting of commas in paths. */
function json(options: Record<string, string | boolean>): string {
  return JSON.stringify(options);
}

/** In QEMU's key=value options a comma inside a value is doubled. */
function commas(value: string): string {
  return value.replaceAll(",", ",,");
}
