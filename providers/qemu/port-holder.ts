/** Who holds a host port, as far as the system tells; for error messages only. */
import { type Diagnostic, problem } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Forward } from "./forwards.ts";

/** "nginx (pid 812)", or undefined when it cannot be told. */
async function portHolder(
  effects: Effects,
  port: { readonly host: number; readonly protocol: "tcp" | "udp" },
): Promise<string | undefined> {
  try {
    const { stdout } = await effects.processes.run(
      "ss",
      ["-Hlnp", port.protocol === "tcp" ? "-t" : "-u", "sport", "=", `:${port.host}`],
      { timeoutMs: 5_000 },
    );
    const match = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout);
    return match === null ? undefined : `${match[1]} (pid ${match[2]})`;
  } catch {
    return undefined;
  }
}

/** The diagnostic for a declared port that cannot be bound. */
export async function portTaken(effects: Effects, vm: string, forward: Forward): Promise<Diagnostic> {
  const holder = await portHolder(effects, forward);
  const place = `${forward.address}:${forward.host}/${forward.protocol}`;
  const privileged = forward.host < 1024 && holder === undefined && !effects.host.isRoot;
  return problem({
    code: "qemu/port-taken",
    address: `vm.${vm}`,
    summary: `host port ${place} for ${vm} cannot be bound`,
    detail:
      holder !== undefined
        ? `It is held by ${holder}.`
        : privileged
          ? "Ports below 1024 are reserved for root, or the port is in use."
          : "Another program holds it, or the address does not belong to this host.",
    hint: `Free the port, declare another one, or leave the choice to vmlab: ports = ["${forward.guest}"]`,
  });
}
