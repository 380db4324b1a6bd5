/** The host ports of a VM as expressions see them, when planning and when applying. */
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { type SourceValue, SSH_GUEST_PORT } from "./expressions/value-source.ts";

/**
 * `declared` gives the host port of each guest port, null where the kernel chooses: that one, and SSH's own, are what
 * the state records, and unknown before.
 */
export function portValues(
  vm: string,
  declared: Iterable<readonly [port: string, host: Json]>,
  recorded: JsonObject | undefined,
): ReadonlyMap<string, SourceValue> {
  const live = (value: Json | undefined) => liveValue(vm, value);
  const chosen = isJsonObject(recorded?.ports) ? recorded.ports : {};
  const ports = new Map<string, SourceValue>();
  for (const [port, host] of declared)
    ports.set(port, host === null ? live(chosen[port]) : { known: true, value: host, sensitive: false });
  if (!ports.has(SSH_GUEST_PORT)) ports.set(SSH_GUEST_PORT, live(recorded?.ssh_port));
  return ports;
}

/** A live attribute as recorded; unknown until it is. */
export function liveValue(vm: string, value: Json | undefined): SourceValue {
  if (value === undefined) return { known: false, address: `vm.${vm}`, sensitive: false };
  return { known: true, value, sensitive: false };
}
