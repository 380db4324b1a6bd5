/** Evaluated inputs as the provider takes them. */
import type { LabIdentity, PortForward, VmSpec } from "../../providers/provider.ts";
import type { EvaluatedVmInputs } from "./evaluate-inputs.ts";

export interface SpecIdentity {
  readonly id: string;
  readonly name: string;
  readonly lab: LabIdentity;
  readonly base: { readonly digest: string; readonly user: string };
}

/** With `partial`, sensitive values may be missing from the inputs: the guest keeps those it has. */
export function vmSpec(identity: SpecIdentity, inputs: EvaluatedVmInputs, partial = false): VmSpec {
  const { login, ready } = inputs;
  return {
    ...identity,
    cpus: inputs.cpus,
    memory: inputs.memory,
    disk: inputs.disk,
    firmware: inputs.firmware,
    machine: inputs.machine,
    accel: inputs.accel,
    user: login.user,
    ...(login.password === undefined || login.password === "" ? {} : { password: login.password }),
    keys: login.keys,
    ports: inputs.ports.map(parsePort),
    labels: inputs.labels,
    env: inputs.env ?? {},
    ...(ready === undefined ? {} : { ready }),
    timeouts: inputs.timeouts,
    ...(partial ? { partial } : {}),
  };
}

/** A port as the configuration normalises it: `ADDRESS:HOST:GUEST/PROTO`, IPv4. */
function parsePort(text: string): PortForward {
  const [rest = "", protocol = "tcp"] = text.split("/");
  const [address = "127.0.0.1", host = "0", guest = "0"] = rest.split(":");
  return { address, host: Number(host), guest: Number(guest), protocol: protocol === "udp" ? "udp" : "tcp" };
}
