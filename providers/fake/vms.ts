/** Pretend machines, with every rule of the provider interface. */
import { Readable } from "node:stream";
import { fail } from "../../engine/diagnostics.ts";
import { isJsonObject, type JsonObject, sha256 } from "../../engine/json.ts";
import type {
  ForwardedPort,
  PortForward,
  TrashedVm,
  VmObservation,
  VmProvider,
  VmSpec,
} from "../provider.ts";
import { fakeSnapshots } from "./snapshots.ts";
import { fakeUsage } from "./usage.ts";
import type { FakeMachine, FakeWorld } from "./world.ts";

export function fakeVmProvider(world: FakeWorld): VmProvider {
  const change = async (id: string, fields: Partial<FakeMachine>): Promise<FakeMachine> => {
    const machine = { ...(await world.existing(id)), ...fields };
    await world.put(machine);
    return machine;
  };
  const did = async (id: string, what: string): Promise<void> => {
    const machine = await world.existing(id);
    await world.put({ ...machine, log: [...machine.log, what] });
  };
  return {
    name: "fake",
    version: "1",
    usesHost: false,
    check: async () => [],

    async read(ids) {
      const machines = await world.machines();
      return new Map(ids.map((id) => [id, observe(machines.get(id))]));
    },

    async usage(ids) {
      const machines = await world.machines();
      const asked = ids?.flatMap((id) => machines.get(id) ?? []) ?? [...machines.values()];
      return new Map(asked.flatMap((machine) => fakeUsage(machine, world.now())));
    },

    async create(spec, context) {
      const before = await world.machine(spec.id);
      if (before?.state === "stopped" || before?.state === "running") return before.attributes;
      const blank = { id: spec.id, name: spec.name, clean: true, attributes: {}, log: [] };
      await world.put({ ...blank, state: "incomplete" });
      await world.disturb("create", spec.name, context.signal);
      const attributes = attributesOf(spec);
      const source = spec.clone === undefined ? undefined : await world.existing(spec.clone.source);
      // What was done in a guest is on its disk.
      await world.put({ ...blank, state: "stopped", attributes, log: source?.log ?? [] });
      return attributes;
    },
    async checkStart(spec) {
      await world.existing(spec.id);
      await world.disturb("check-start", spec.name, new AbortController().signal);
    },
    async start(spec, context) {
      const { state, attributes: before } = await world.existing(spec.id);
      const attributes = { ...before, ...portsOf(spec.id, spec.ports) };
      if (state === "running") {
        // Ports are told after the power is on: whoever died in between left them to this one.
        const told = "ssh_port" in before ? before : attributes;
        return (await change(spec.id, { held: false, attributes: told })).attributes;
      }
      context.progress("powering on");
      await world.disturb("start", spec.name, context.signal);
      await change(spec.id, { state: "running", held: false, clean: true });
      return (await change(spec.id, { attributes })).attributes;
    },
    async ready(spec, context) {
      await mustRun(world, spec);
      context.progress("waiting for the pretend guest");
      await world.disturb("ready", spec.name, context.signal);
      return {};
    },
    async readyCommand(spec, context) {
      await mustRun(world, spec);
      await world.disturb("ready-command", spec.name, context.signal);
    },
    async probe(spec, context) {
      await mustRun(world, spec);
      await world.disturb("probe", spec.name, context.signal);
      return undefined;
    },
    async provision(spec, step, context) {
      await mustRun(world, spec);
      await world.disturb("provision", spec.name, context.signal, step.label);
      context.output(`${step.label}: done`);
      context.exited?.(0);
      await did(spec.id, step.label);
    },
    async update(spec, context) {
      const machine = await world.existing(spec.id);
      await world.disturb("update", spec.name, context.signal);
      const live = machine.state === "running" ? portsOf(spec.id, spec.ports) : {};
      return (
        await change(spec.id, {
          name: spec.name,
          attributes: { ...machine.attributes, ...attributesOf(spec), ...live },
        })
      ).attributes;
    },
    async tellHosts(spec, context) {
      await mustRun(world, spec);
      await world.disturb("hosts", spec.name, context.signal);
      const names = (spec.hosts?.() ?? []).map(({ ip, names: [first] }) => `${first} ${ip}`);
      await did(spec.id, `hosts ${names.join(", ")}`);
    },
    async detach(spec, context) {
      const machine = await world.existing(spec.id);
      await world.disturb("detach", spec.name, context.signal);
      await change(spec.id, { attributes: { ...machine.attributes, ...volumesOf(spec) } });
    },
    async pause(id, context) {
      const machine = await world.existing(id);
      if (machine.state !== "running") return notRunning(machine.name);
      await world.disturb("pause", machine.name, context.signal);
      await change(id, { held: true });
    },
    async suspend(spec, context) {
      const machine = await world.existing(spec.id);
      if (machine.state === "stopped" && machine.held === true) return;
      if (machine.state !== "running") return notRunning(machine.name);
      await world.disturb("suspend", machine.name, context.signal);
      await change(spec.id, { state: "stopped", held: true, clean: true, temporary: [] });
    },
    async stop(id, { force }, context) {
      const machine = await world.machine(id);
      if (machine?.state === "stopped" && machine.held === true && force === true)
        await change(id, { held: false });
      if (machine?.state !== "running") return;
      await world.disturb("stop", machine.name, context.signal);
      await change(id, { state: "stopped", held: false, clean: true, temporary: [] });
    },
    async remove(id, options) {
      const machine = await world.machine(id);
      if (machine === undefined || machine.state === "absent" || machine.state === "trash") return;
      const { trash } = options;
      if (trash === undefined) await world.put({ ...machine, state: "absent" });
      else await world.put({ ...machine, state: "trash", trash: trash as unknown as JsonObject });
    },
    forgetLab: async () => undefined,

    async exec(id, command, _options, context) {
      const machine = await world.existing(id);
      if (machine.state !== "running") return notRunning(machine.name);
      await world.disturb("exec", machine.name, context.signal);
      await did(id, `exec ${command}`);
      return { code: 0, stdout: "", stderr: "" };
    },
    async open(id, command, _options, signal) {
      const machine = await world.existing(id);
      if (machine.state !== "running") return notRunning(machine.name);
      await world.disturb("exec", machine.name, signal);
      await did(id, `exec ${command}`);
      return {
        stdout: Readable.from([]),
        write: async () => true,
        closeInput: () => undefined,
        stop: () => undefined,
        ended: Promise.resolve(0),
      };
    },
    async addPort(id, port) {
      const machine = await world.existing(id);
      if (machine.state !== "running") return notRunning(machine.name);
      const leadsThere = ({ guest, protocol, host }: PortForward): boolean =>
        guest === port.guest && protocol === port.protocol && (port.host === 0 || host === port.host);
      const before = forwardsOf(machine).find(leadsThere);
      if (before !== undefined) return before;
      const made = { ...port, host: port.host === 0 ? chosenPort(id, port.guest) : port.host };
      await change(id, { temporary: [...(machine.temporary ?? []), made] });
      return { ...made, purpose: "temporary" };
    },
    async removePort(id, port) {
      const { temporary = [] } = await world.existing(id);
      await change(id, {
        temporary: temporary.filter(({ host, guest }) => host !== port.host || guest !== port.guest),
      });
    },
    ssh: () => noGuest("ssh"),
    openConsole: () => noGuest("console"),
    consoleLog: async (id) => (await world.existing(id)).log,
    trimLogs: async () => undefined,
    async exportImage(id, options, context) {
      const machine = await world.existing(id);
      if (machine.state === "running" && !options.live) return runs(machine.name);
      context.progress("pretending to copy the disk");
      await world.disturb("export", machine.name, context.signal);
      const digest = sha256(`export of ${id} after ${machine.log.length} steps`);
      await world.putImage({ digest, key: digest, present: true });
      return {
        digest,
        attributes: { digest, virtual_size: machine.attributes.disk ?? 0, size: 0, user: "vmlab" },
      };
    },

    snapshots: fakeSnapshots(world),

    async trash() {
      const machines = await world.machines();
      return [...machines.values()].flatMap((machine) =>
        machine.state === "trash"
          ? [{ ...(machine.trash as unknown as Omit<TrashedVm, "id" | "size">), id: machine.id, size: 0 }]
          : [],
      );
    },
    async restoreFromTrash(id) {
      const machine = await world.machine(id);
      if (machine?.state === "trash") await world.put({ ...machine, state: "stopped", clean: true });
    },
    async emptyTrash(id) {
      const machine = await world.machine(id);
      if (machine?.state === "trash") await world.put({ ...machine, state: "absent" });
    },
  };
}

function observe(machine: FakeMachine | undefined): VmObservation {
  switch (machine?.state) {
    case "incomplete":
      return { state: "incomplete" };
    case "stopped":
      return {
        state: "stopped",
        clean: machine.clean,
        ...(machine.held === true ? { suspended: true } : {}),
        attributes: machine.attributes,
        ...(machine.clean ? {} : { reason: "the pretend machine crashed" }),
      };
    case "running":
      return {
        state: "running",
        paused: machine.held === true,
        attributes: machine.attributes,
        // Hardly anybody asks, and labs have thousands of VMs.
        get forwards() {
          return forwardsOf(machine);
        },
      };
    default:
      return { state: "absent" };
  }
}

function attributesOf(spec: VmSpec): JsonObject {
  return {
    id: spec.id,
    base: spec.base.digest,
    name: spec.name,
    user: spec.user,
    machine: "fake-1",
    cpus: spec.cpus,
    memory: spec.memory,
    disk: spec.disk,
    ...volumesOf(spec),
  };
}

/** Mount points, or nothing, by name of the volume; absent for none ever. */
function volumesOf({ volumes }: VmSpec): JsonObject {
  if (volumes === undefined) return {};
  return { volumes: Object.fromEntries(volumes.map(({ name, mount }) => [name, mount ?? ""])) };
}

function portsOf(id: string, ports: readonly PortForward[]): JsonObject {
  return {
    ssh_port: chosenPort(id, 22),
    ports: Object.fromEntries(
      ports.map((port) => [String(port.guest), port.host === 0 ? chosenPort(id, port.guest) : port.host]),
    ),
  };
}

/** As a kernel would choose it, only stable. */
function chosenPort(id: string, guest: number): number {
  return 20000 + (Number.parseInt(sha256(`${id}:${guest}`).slice(0, 8), 16) % 40000);
}

function forwardsOf({ attributes, temporary = [] }: FakeMachine): ForwardedPort[] {
  const { ssh_port: ssh, ports } = attributes;
  const local = { address: "127.0.0.1", protocol: "tcp" } as const;
  return [
    ...(typeof ssh === "number" ? [{ ...local, host: ssh, guest: 22, purpose: "ssh" } as const] : []),
    ...Object.entries(isJsonObject(ports) ? ports : {}).map(
      ([guest, host]) =>
        ({ ...local, host: Number(host), guest: Number(guest), purpose: "declared" }) as const,
    ),
    ...temporary.map((port) => ({ ...port, purpose: "temporary" }) as const),
  ];
}

async function mustRun(world: FakeWorld, spec: VmSpec): Promise<void> {
  const { state, attributes } = await world.existing(spec.id);
  if (state !== "running" || !("ssh_port" in attributes)) notRunning(spec.name);
}

function notRunning(name: string): never {
  return fail({
    code: "fake/not-running",
    summary: `${name} does not run`,
    hint: `\`vmlab start ${name}\` starts it.`,
  });
}

function runs(name: string): never {
  return fail({
    code: "image/export-running",
    summary: `${name} is running`,
    hint: `Stop it (\`vmlab stop ${name}\`), or add --live.`,
  });
}

async function noGuest(what: string): Promise<never> {
  return fail({
    code: "fake/no-guest",
    summary: `a pretend machine has no ${what}`,
    hint: 'Set lab.provider = "qemu" for real machines.',
  });
}
