/** What the engine records of a VM and expressions may read: no path, no pid, nothing that another host has not. */
import type { JsonObject } from "../../engine/json.ts";
import type { Runtime, VmRecord } from "./vm-folder.ts";

/**
 * `ports` maps a guest port ("80", "53/udp") to the host port that leads to it. Ports are known once the VM was
 * started, and stay listed while it is off: the next start asks for the same ones.
 */
export function vmAttributes(vm: VmRecord, runtime: Runtime | undefined): JsonObject {
  const ssh = runtime?.forwards.find((f) => f.purpose === "ssh");
  const declared = runtime?.forwards.filter((f) => f.purpose === "declared") ?? [];
  return {
    name: vm.name,
    machine: vm.machine,
    firmware: vm.firmware,
    mac: vm.mac,
    base: "digest" in (vm.layers[0] ?? {}) ? (vm.layers[0] as { digest: string }).digest : "",
    disk: vm.disk,
    user: vm.user,
    host_key: vm.hostKey,
    ...(runtime === undefined
      ? {}
      : {
          accel: runtime.accel,
          host: "127.0.0.1",
          ...(ssh === undefined || ssh.host === 0 ? {} : { ssh_port: ssh.host }),
          ports: Object.fromEntries(
            declared
              .filter((f) => f.host !== 0)
              .map((f) => [f.protocol === "tcp" ? String(f.guest) : `${f.guest}/udp`, f.host]),
          ),
        }),
  };
}
