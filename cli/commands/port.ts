import type { Command } from "commander";
import { guestPortKey, type PortDeclaration, parsePort } from "../../engine/config/ports.ts";
import { fail } from "../../engine/diagnostics.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { ForwardedPort, VmProvider } from "../../providers/provider.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { instanceOf, requirePowered } from "../machine-access.ts";
import { chosenVm } from "../machine-selection.ts";
import { duration } from "../plan-arguments.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { openMachines } from "../workspace.ts";

interface PortOptions {
  readonly remove?: boolean;
  readonly lockTimeout: number;
  readonly json?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "port", {
    summary: "List, add and remove forwarded ports of a running VM",
    description:
      "Alone it lists the ports of this host that lead into the VM. With ports it forwards them at once, on 127.0.0.1 " +
      "unless an address is given, until the VM stops: lab.toml is not touched and no plan minds. Without a host port " +
      '(80 or 0:80) the system chooses a free one. For a port that stays, write it into "ports" in lab.toml.',
    examples: [
      { command: "vmlab port web", text: "what leads into web" },
      { command: "vmlab port web 8080:80", text: "http://127.0.0.1:8080 is its port 80" },
      { command: "vmlab port web 80", text: "a free port, which it names" },
      { command: "vmlab port db 5432 1053:53/udp", text: "several" },
      { command: "vmlab port web 8080:80 --remove", text: "not any more" },
    ],
    related: ["ip", "ssh-config"],
  })
    .argument("<vm>", "name of the VM")
    .argument("[ports...]", "[ADDRESS:][HOST:]GUEST[/udp]")
    .option("--remove", "take the ports away again")
    .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0)
    .option("--json", "print JSON")
    .action(async (name: string, ports: string[], options: PortOptions) => {
      context.exitCode = await port(context, name, ports, options);
    });
}

async function port(
  context: CommandContext,
  name: string,
  texts: readonly string[],
  options: PortOptions,
): Promise<number> {
  const wanted = texts.map(requirePort);
  if (options.remove === true && wanted.length === 0) {
    fail({
      code: "cli/usage",
      summary: "--remove needs the ports to remove",
      hint: `"vmlab port ${name}" lists them.`,
    });
  }
  const { store, state, providers } = await openMachines(context);
  const vm = chosenVm(state, name);
  if (wanted.length === 0) return await listPorts(context, providers.vm, vm, options);
  const id = await requirePowered(providers.vm, vm);
  const interrupts = listenForInterrupts(context.terminal, () => {});
  const locked = await store.lock("port", {
    timeoutMs: options.lockTimeout,
    signal: interrupts.graceful,
  });
  const changed: ForwardedPort[] = [];
  try {
    for (const each of wanted) {
      const done =
        options.remove === true
          ? await removePorts(providers.vm, vm, id, each, interrupts.graceful)
          : [await providers.vm.addPort(id, each, interrupts.graceful)];
      if (options.json !== true) for (const line of done.map(lineFor(vm, options))) tell(context, line);
      changed.push(...done);
    }
  } finally {
    await locked.release();
    interrupts.release();
  }
  if (options.json === true) context.terminal.out.write(`${JSON.stringify(changed, null, 2)}\n`);
  return 0;
}

function requirePort(text: string): PortDeclaration {
  const port = parsePort(text);
  if (port !== undefined) return port;
  return fail({
    code: "cli/usage",
    summary: `"${text}" is no port`,
    hint: "Write GUEST, HOST:GUEST or ADDRESS:HOST:GUEST, with /udp behind it for UDP: 8080:80, 53/udp.",
  });
}

/** Takes away those that lead to the guest port, from any host port unless one is named. */
async function removePorts(
  provider: VmProvider,
  vm: ResourceState,
  id: string,
  wanted: PortDeclaration,
  signal: AbortSignal,
): Promise<ForwardedPort[]> {
  const found = (await forwardsOf(provider, id)).filter(
    ({ guest, protocol, host }) =>
      guest === wanted.guest && protocol === wanted.protocol && (wanted.host === 0 || host === wanted.host),
  );
  const temporary = found.filter(({ purpose }) => purpose === "temporary");
  if (temporary.length === 0) notTemporary(vm, wanted, found[0]);
  for (const each of temporary) await provider.removePort(id, each, signal);
  return temporary;
}

function notTemporary(vm: ResourceState, wanted: PortDeclaration, found: ForwardedPort | undefined): never {
  const key = guestPortKey(wanted);
  return fail({
    code: "vm/no-such-port",
    address: vm.address,
    summary:
      found === undefined
        ? `no port of this host leads to port ${key} of ${vm.name}`
        : found.purpose === "ssh"
          ? `port ${found.host} is vmlab's own way into ${vm.name}`
          : `port ${found.host} to port ${key} of ${vm.name} is declared in lab.toml`,
    hint:
      found?.purpose === "declared"
        ? 'Take it out of "ports" there, then run "vmlab apply".'
        : `"vmlab port ${vm.name}" lists them; those that last until it stops can be removed.`,
  });
}

async function forwardsOf(provider: VmProvider, id: string): Promise<readonly ForwardedPort[]> {
  const observation = (await provider.read([id])).get(id);
  return observation?.state === "running" ? observation.forwards : [];
}

function lineFor(vm: ResourceState, options: PortOptions): (port: ForwardedPort) => string {
  return (port) => {
    const from = `${port.address}:${port.host}${port.protocol === "udp" ? "/udp" : ""}`;
    if (options.remove === true) return `${from} does not lead to ${vm.name} any more.`;
    const lasts = port.purpose === "temporary" ? `, until ${vm.name} stops` : " already";
    return `${from} leads to port ${port.guest} of ${vm.name}${lasts}.`;
  };
}

function tell({ terminal }: CommandContext, line: string): void {
  terminal.out.write(`${line}\n`);
}

const LASTS: Readonly<Record<ForwardedPort["purpose"], string>> = {
  ssh: "vmlab's own way in",
  declared: "declared in lab.toml",
  temporary: "until the VM stops",
};

async function listPorts(
  context: CommandContext,
  provider: VmProvider,
  vm: ResourceState,
  options: PortOptions,
): Promise<number> {
  const { out } = context.terminal;
  const ports = await forwardsOf(provider, instanceOf(vm));
  if (options.json === true) {
    out.write(`${JSON.stringify(ports, null, 2)}\n`);
    return 0;
  }
  if (ports.length === 0) {
    await requirePowered(provider, vm);
    return 0;
  }
  const rows = ports.map((port): Cell[] => [
    `${port.address}:${port.host}`,
    guestPortKey(port),
    LASTS[port.purpose],
  ]);
  const columns = [{ header: "HOST" }, { header: "GUEST", align: "right" }, { header: "LASTS" }] as const;
  out.write(`${renderTable(columns, rows, { width: out.columns, header: colours(out).faint }).join("\n")}\n`);
  return 0;
}
