/**
 * The Packer template of a build, as JSON of HCL2 (`.pkr.json`). Every path in it is relative to the build's folder, in
 * which Packer runs, so that the same recipe gives the same template on every host.
 *
 * QEMU's arguments are given in full wherever Packer's own would listen beyond 127.0.0.1 or differ from vmlab's VMs: a
 * kind of argument in `qemuargs` replaces all of Packer's own of that kind.
 */
import type { JsonObject } from "../../engine/json.ts";
import type { Accelerator } from "../qemu/accel-probe.ts";
import type { BuildScript } from "./build-scripts.ts";
import type { Dialect } from "./packer-program.ts";

/** What the template is made from. */
export interface TemplateInputs {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Virtual size in bytes. */
  readonly disk: number;
  /** In the order in which they run. */
  readonly scripts: readonly BuildScript[];
  /** Whether {@link BUILD_FILES}.payload holds anything. */
  readonly hasPayload: boolean;
}

/** Where things lie in the build's folder. */
export const BUILD_FILES = {
  template: "build.pkr.json",
  /** A link to the folder of the image below. */
  parentDisk: "parent/disk.qcow2",
  key: "key",
  seed: "seed.iso",
  seedFiles: "seed",
  steps: "steps",
  payload: "payload",
  output: "output",
  disk: "disk.qcow2",
  console: "console.log",
  pidFile: "qemu.pid",
} as const;

/** Where a build's payload lies in the guest; the seal script removes it. */
export const GUEST_FOLDER = "/var/lib/vmlab-build";

/** MAC address of the build's machine, by which the seed names its network. */
export const BUILD_MAC = "52:54:00:12:34:56";

/** What x86-64-v2 distributions ask for and nothing beyond, as VMs get it under emulation. */
const EMULATED_CPU = "Nehalem";

const QEMU_PLUGIN = { source: "github.com/hashicorp/qemu", version: ">= 1.1.0" } as const;

const SSH_MINUTES = 10;
const SHUTDOWN_MINUTES = 5;
/** Emulated guests take longer. */
const TCG_FACTOR = 3;

export function buildTemplate(inputs: TemplateInputs, dialect: Dialect): JsonObject {
  return {
    ...(dialect === "plugin" ? { packer: { required_plugins: { qemu: QEMU_PLUGIN } } } : {}),
    source: { qemu: { vmlab: { ...machine(inputs), ...overlay(inputs, dialect), ...login(inputs) } } },
    build: [{ sources: ["source.qemu.vmlab"], provisioner: provisioners(inputs) }],
  };
}

/** QEMU's `-cpu`, as VMs of vmlab get it. */
export function cpuModel(accelerator: Accelerator): string {
  return accelerator === "tcg" ? EMULATED_CPU : "host";
}

function machine({ accelerator, cpus, memory }: TemplateInputs): JsonObject {
  return {
    accelerator,
    machine_type: "pc",
    cpus,
    memory: Math.ceil(memory / 2 ** 20),
    headless: true,
    disable_vnc: true,
    boot_wait: "-1s",
    net_device: "virtio-net-pci",
    qemuargs: [
      ["-nodefaults"],
      ["-no-user-config"],
      ["-cpu", cpuModel(accelerator)],
      ["-display", "none"],
      ["-vnc", "none"],
      ["-serial", `file:${BUILD_FILES.console}`],
      ["-pidfile", BUILD_FILES.pidFile],
      ["-cdrom", BUILD_FILES.seed],
      ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
      ["-device", `virtio-net-pci,netdev=user.0,mac=${BUILD_MAC},romfile=`],
      ["-object", "rng-random,id=rng0,filename=/dev/urandom"],
      ["-device", "virtio-rng-pci,rng=rng0"],
      // On a full disk QEMU would pause the machine and the build would wait until its time is over.
      ["-global", "virtio-blk-device.werror=report"],
    ],
  };
}

function overlay({ disk }: TemplateInputs, dialect: Dialect): JsonObject {
  return {
    iso_url: BUILD_FILES.parentDisk,
    // Its bytes are known by the digest that names its folder.
    iso_checksum: "none",
    disk_image: true,
    use_backing_file: true,
    // Before the plugin, the backing file's format was left to qemu-img, which asks for it.
    ...(dialect === "builtin" ? { qemu_img_args: { create: ["-F", "qcow2"] } } : {}),
    skip_compaction: true,
    skip_resize_disk: true,
    format: "qcow2",
    disk_size: `${disk}b`,
    disk_interface: "virtio",
    // A build that the host's crash interrupts starts anew anyway.
    disk_cache: "unsafe",
    disk_discard: "unmap",
    disk_detect_zeroes: "unmap",
    output_directory: BUILD_FILES.output,
    vm_name: BUILD_FILES.disk,
  };
}

function login({ accelerator }: TemplateInputs): JsonObject {
  const factor = accelerator === "tcg" ? TCG_FACTOR : 1;
  return {
    communicator: "ssh",
    ssh_username: "root",
    ssh_private_key_file: BUILD_FILES.key,
    ssh_timeout: `${SSH_MINUTES * factor}m`,
    ssh_handshake_attempts: 1000,
    // Without services that would write new traces on their way down; file systems are unmounted all the same.
    shutdown_command: "sync; systemctl poweroff --force || poweroff",
    shutdown_timeout: `${SHUTDOWN_MINUTES * factor}m`,
  };
}

/** The first script makes the folder into which the payload goes. */
function provisioners({ scripts, hasPayload }: TemplateInputs): JsonObject[] {
  const [first, ...rest] = scripts.map(({ path }) => ({
    // Named to its interpreter, so that a guest's noexec /tmp does no harm.
    shell: { script: path, execute_command: "{{ .Vars }} sh {{ .Path }}" },
  }));
  const upload = { file: { source: `${BUILD_FILES.payload}/`, destination: `${GUEST_FOLDER}/` } };
  return [...(first === undefined ? [] : [first]), ...(hasPayload ? [upload] : []), ...rest];
}
