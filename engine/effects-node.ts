/** The effects port on Node. Nothing heavy is loaded before it is used. */
import type { Effects } from "./effects.ts";
import { nodeClock } from "./effects-node/clock.ts";
import { nodeFiles } from "./effects-node/files.ts";
import { nodeHost } from "./effects-node/host.ts";
import { nodeNetwork } from "./effects-node/network.ts";
import { nodeProcesses } from "./effects-node/processes.ts";
import { nodeRandom } from "./effects-node/random.ts";

/** The real files, processes, network, clock, randomness and host. */
export function nodeEffects(): Effects {
  return {
    files: nodeFiles,
    processes: nodeProcesses,
    network: nodeNetwork,
    clock: nodeClock,
    random: nodeRandom,
    host: nodeHost(),
  };
}
