import { expect, test } from "@jest/globals";
import { homeFrom } from "../../../engine/home.ts";
import { commandLine, type MachineOptions } from "../../../providers/qemu/command-line.ts";
import { checkSocketPaths, macOf, uuidOf, vmFolder } from "../../../providers/qemu/vm-folder.ts";

const folder = vmFolder(homeFrom({ VMLAB_HOME: "/h" }), "0123456789ab");
const options: MachineOptions = {
  folder,
  name: "web",
  machine: "pc-i440fx-7.2",
  accel: "tcg",
  cpus: 2,
  memory: 1.5 * 2 ** 30,
  mac: "52:54:00:00:00:01",
  disk: "/h/vms/0123456789ab/disk-0.qcow2",
  forwards: [
    { purpose: "ssh", address: "127.0.0.1", host: 0, guest: 22, protocol: "tcp", chosen: true },
    { purpose: "declared", address: "0.0.0.0", host: 5353, guest: 53, protocol: "udp", chosen: false },
  ],
  interfaces: [],
  volumes: [],
  shares: [],
  internet: true,
};

test("the command line of a BIOS machine under emulation is complete and stable", () => {
  expect(commandLine(options)).toEqual([
    ...["-name", "guest=web"],
    ...["-uuid", uuidOf("0123456789ab")],
    "-nodefaults",
    "-no-user-config",
    ...["-display", "none"],
    ...["-machine", "pc-i440fx-7.2"],
    ...["-accel", "tcg,thread=multi"],
    ...["-cpu", "Nehalem"],
    ...["-smp", "cpus=2"],
    ...["-m", "1536M"],
    ...["-rtc", "base=utc,clock=host"],
    ...["-global", "PIIX4_PM.disable_s3=1"],
    ...["-global", "PIIX4_PM.disable_s4=1"],
    "-blockdev",
    '{"driver":"file","filename":"/h/vms/0123456789ab/disk-0.qcow2","node-name":"disk-0-file","discard":"unmap"}',
    ...["-blockdev", '{"driver":"qcow2","file":"disk-0-file","node-name":"disk-0","discard":"unmap"}'],
    "-device",
    "virtio-blk-pci,drive=disk-0,id=disk-0-device,bootindex=0,werror=enospc,rerror=report",
    "-blockdev",
    '{"driver":"file","filename":"/h/vms/0123456789ab/seed.iso","node-name":"seed-file","read-only":true}',
    ...["-blockdev", '{"driver":"raw","file":"seed-file","node-name":"seed","read-only":true}'],
    ...["-device", "virtio-blk-pci,drive=seed,id=seed-device,serial=vmlab-seed"],
    ...["-netdev", "user,id=user0,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=udp:0.0.0.0:5353-:53"],
    ...["-device", "virtio-net-pci,netdev=user0,id=net-user0,mac=52:54:00:00:00:01,romfile="],
    ...["-object", "rng-random,id=rng0,filename=/dev/urandom"],
    ...["-device", "virtio-rng-pci,rng=rng0"],
    ...["-device", "virtio-serial-pci,id=serial0"],
    ...["-chardev", "socket,id=agent,path=/h/vms/0123456789ab/qga.sock,server=on,wait=off"],
    ...["-device", "virtserialport,bus=serial0.0,chardev=agent,name=org.qemu.guest_agent.0"],
    "-chardev",
    "socket,id=console,path=/h/vms/0123456789ab/console.sock,server=on,wait=off,logfile=/h/vms/0123456789ab/console.log,logappend=on",
    ...["-serial", "chardev:console"],
    ...["-qmp", "unix:/h/vms/0123456789ab/qmp.sock,server=on,wait=off"],
    ...["-D", "/h/vms/0123456789ab/qemu.log"],
    ...["-trace", "qemu_system_shutdown_request", "-trace", "vm_state_notify"],
    ...["-pidfile", "/h/vms/0123456789ab/qemu.pid"],
    "-daemonize",
  ]);
});

test("a UEFI machine maps the code read-only and its own variables", () => {
  const args = commandLine({ ...options, uefiCode: "/usr/share/OVMF/OVMF_CODE_4M.fd" });
  expect(args).toContain("pflash0=uefi-code,pflash1=uefi-vars");
  expect(args).toContain(
    '{"driver":"file","filename":"/usr/share/OVMF/OVMF_CODE_4M.fd","node-name":"uefi-code-file","read-only":true}',
  );
  expect(args).toContain(
    '{"driver":"file","filename":"/h/vms/0123456789ab/uefi-vars.qcow2","node-name":"uefi-vars-file"}',
  );
});

test("under hardware acceleration the guest sees the host's processor", () => {
  const args = commandLine({ ...options, accel: "kvm" });
  expect(args.slice(args.indexOf("-accel"), args.indexOf("-accel") + 4)).toEqual([
    "-accel",
    "kvm",
    "-cpu",
    "host",
  ]);
});

test("commas in a folder's name are doubled where QEMU would split at them", () => {
  const args = commandLine({
    ...options,
    folder: vmFolder(homeFrom({ VMLAB_HOME: "/a,b" }), "0123456789ab"),
  });
  expect(args).toContain("unix:/a,,b/vms/0123456789ab/qmp.sock,server=on,wait=off");
  expect(args).toContain("/a,b/vms/0123456789ab/qemu.pid");
});

test("UUID and network address follow from the id, and differ between ids", () => {
  expect(uuidOf("0123456789ab")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuidOf("0123456789ab")).not.toBe(uuidOf("0123456789ac"));
  expect(macOf("0123456789ab")).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
});

test("a folder too deep for a socket is refused with the way out", () => {
  const deep = vmFolder(homeFrom({ VMLAB_HOME: `/${"x".repeat(90)}` }), "0123456789ab");
  expect(() => checkSocketPaths(deep, "linux")).toThrow("qemu/socket-path-too-long");
  expect(() => checkSocketPaths(folder, "linux")).not.toThrow();
});
