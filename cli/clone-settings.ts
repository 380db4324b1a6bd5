/** What a clone takes over from the declaration of its source, beside what the engine takes over by itself. */
import type { VmInputs } from "../engine/config/types.ts";
import type { Json, JsonObject } from "../engine/json.ts";

/** The same networks with addresses of its own, the same guest ports from free ports of the host, the labels. */
export function cloneSettings({ networks = [], ports, labels }: VmInputs): JsonObject {
  const guests = ports.flatMap((port) => (typeof port === "string" ? [guestPort(port)] : []));
  const named: Record<string, Json> = {};
  for (const [label, value] of Object.entries(labels)) if (typeof value === "string") named[label] = value;
  return {
    ...(networks.length === 0 ? {} : { networks: networks.map(({ name }) => ({ name })) }),
    ...(guests.length === 0 ? {} : { ports: guests }),
    ...(Object.keys(named).length === 0 ? {} : { labels: named }),
  };
}

/** `80` of `127.0.0.1:8080:80/tcp`. */
function guestPort(port: string): string {
  return port.slice(port.lastIndexOf(":") + 1).replace(/\/tcp$/, "");
}
