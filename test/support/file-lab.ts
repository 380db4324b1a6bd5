/** A state store in files, in a temporary lab. */
import { join } from "node:path";
import type { Effects } from "../../engine/effects.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { FileStore } from "../../engine/state/file-store.ts";
import type { JournalEntry, State } from "../../engine/state/types.ts";
import { sampleState, sampleVm } from "./sample-state.ts";

const real = nodeEffects();

export const now = { timeoutMs: 0 };

export function openStore(folder: string, effects: Effects = real, anyPlace = false): FileStore {
  return new FileStore({ effects, folder: join(folder, ".vmlab"), tool: "0.1.0", anyPlace });
}

export async function firstState(folder: string): Promise<State> {
  return sampleState({ host: await real.host.hostId(), folder });
}

/** The entry that records a new VM. */
export function created(name: string): JournalEntry {
  return { kind: "resource", address: `vm.${name}`, resource: sampleVm(name) };
}

/** A lab with snapshot #1 (vm.a), #0 in the history, and vm.b and vm.c in the journal. */
export async function fileLab(folder: string) {
  const locked = await openStore(folder).lock("apply", now);
  await locked.initialise(await firstState(folder));
  await locked.append([created("a")]);
  await locked.checkpoint((await locked.read()) ?? (await firstState(folder)));
  await locked.append([created("b")]);
  await locked.append([created("c")]);
  const state = await locked.read();
  await locked.release();
  if (state === undefined) throw new Error("no state");
  return {
    folder,
    snapshot: join(folder, ".vmlab", "state.json"),
    journal: join(folder, ".vmlab", "journal.ndjson"),
    state,
  };
}
