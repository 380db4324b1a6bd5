/** What an expansion reads of the state. */
import type { ExpandInput } from "../config/expand.ts";
import { keyedHash } from "../json.ts";
import type { State } from "../state/types.ts";

const NONE: ReadonlySet<string> = new Set();

/** Attributes of the addresses in `unknown` count as not known before apply. */
export function expandInput(
  state: Pick<State, "lineage" | "sensitiveKey"> & Partial<Pick<State, "resources">>,
  unknown = NONE,
): ExpandInput {
  const { lineage, sensitiveKey, resources = {} } = state;
  return {
    lineage,
    recorded: resources,
    liveAttributes: (address) => (unknown.has(address) ? undefined : resources[address]?.attributes),
    hash: (value) => keyedHash(sensitiveKey, value),
  };
}
