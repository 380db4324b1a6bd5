/** Networks between VMs of this host. */
import type { NetworkProvider } from "../../provider.ts";
import type { QemuProviderOptions } from "../index.ts";
import { makeSegment, readSegment, removeSegment } from "./segment.ts";

export function qemuNetworkProvider({
  effects,
  home,
}: Pick<QemuProviderOptions, "effects" | "home">): NetworkProvider {
  return {
    create: async (spec) => ({ ...(await makeSegment(effects, home, spec)) }),
    read: async (ids) => {
      const found = await Promise.all(
        ids.map(async (id) => ((await readSegment(effects, home, id)) === undefined ? [] : [id])),
      );
      return new Set(found.flat());
    },
    remove: (id) => removeSegment(effects, home, id),
  };
}
