/** How OpenSSH reaches a VM: with the lab's key, and with the host key that vmlab gave the guest; nothing is trusted
 * on first use. */
import { fail } from "../../engine/diagnostics.ts";
import type { SshAccess } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { labKeyFile } from "./ssh-keys.ts";
import { type Runtime, readRuntime, requireVm, type VmRecord, vmFolder } from "./vm-folder.ts";

/** The name under which a VM's host key is known: not its address, which every VM shares. */
function hostKeyAlias(id: string): string {
  return `vmlab-${id}`;
}

/** The content of the VM's known_hosts. */
export function knownHostsLine(id: string, publicKey: string): string {
  return `${hostKeyAlias(id)} ${publicKey.split(" ").slice(0, 2).join(" ")}\n`;
}

/** Access to a VM that was started; fails when it never was. */
export async function sshAccess(context: QemuContext, id: string): Promise<SshAccess> {
  const folder = vmFolder(context.home, id);
  const vm = await requireVm(context.effects, folder);
  return accessOf(context, vm, await readRuntime(context.effects, folder));
}

/** Access from records that are already read. */
export function accessOf(context: QemuContext, vm: VmRecord, runtime: Runtime | undefined): SshAccess {
  const port = runtime?.forwards.find((f) => f.purpose === "ssh")?.host ?? 0;
  if (port === 0) {
    fail({
      code: "qemu/not-running",
      address: `vm.${vm.name}`,
      summary: `${vm.name} has not been started yet`,
      hint: `Start it: vmlab start ${vm.name}`,
    });
  }
  const folder = vmFolder(context.home, vm.id);
  const keyFile = labKeyFile(context.home, vm.lab.lineage);
  return {
    host: "127.0.0.1",
    port,
    user: vm.user,
    keyFile,
    options: {
      HostKeyAlias: hostKeyAlias(vm.id),
      UserKnownHostsFile: configPath(folder.knownHosts),
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "yes",
      CheckHostIP: "no",
      UpdateHostKeys: "no",
      IdentityFile: configPath(keyFile),
      IdentitiesOnly: "yes",
      ForwardAgent: "no",
      LogLevel: "ERROR",
    },
  };
}

/** OpenSSH splits options at blanks, takes quotes and backslashes away, and expands %. */
function configPath(path: string): string {
  const escaped = path.replaceAll("%", "%%");
  if (!/[\s"'\\#=]/.test(escaped)) return escaped;
  return `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}

/** ssh's arguments for running a command without a terminal. The user's own configuration is not read: what is set
 * there for all hosts (a proxy, a forced command) is not meant for machines on 127.0.0.1. */
export function sshArguments(access: SshAccess, command: string, connectSeconds = 20): string[] {
  const options = {
    ...access.options,
    BatchMode: "yes",
    ConnectTimeout: String(connectSeconds),
    // A guest that dies mid-command must not hang its caller for ever.
    ServerAliveInterval: "15",
    ServerAliveCountMax: "8",
    ControlPath: "none",
    EscapeChar: "none",
  };
  return [
    ...["-F", "/dev/null", "-T", "-a", "-x"],
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...["-p", String(access.port), "-l", access.user, access.host, "--", command],
  ];
}
