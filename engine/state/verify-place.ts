import { join } from "node:path";
import { fail } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import type { State } from "./types.ts";

/**
 * Refuses a state whose home is another host or another folder: a copy would drive the same machines twice. A second
 * path to the same folder (a symbolic link, a bind mount) is no other place. `labFolder` is absolute.
 */
export async function verifyPlace(
  effects: Pick<Effects, "files" | "host">,
  state: State,
  labFolder: string,
): Promise<void> {
  const hint =
    "If the lab was moved and its old place is not used any more, run `vmlab state adopt`. For a lab of its own beside the original, run `vmlab state adopt --new-lineage`.";
  if (state.host !== (await effects.host.hostId())) {
    fail({
      code: "state/copied-elsewhere",
      summary: "This state belongs to another host",
      detail: `The machines of lab ${state.lab} run on the host that wrote the state (its folder there is ${state.folder}).`,
      hint,
    });
  }
  if (state.folder === labFolder || (await isSameFolder(effects, state.folder, labFolder))) return;
  const there = await effects.files.stat(join(state.folder, ".vmlab", "state.json"));
  fail({
    code: "state/copied-elsewhere",
    summary: "This state belongs to another folder",
    detail: `The machines of lab ${state.lab} belong to ${state.folder}, ${there === undefined ? "where no state is any more" : "which still has a state of its own"}.`,
    hint,
  });
}

async function isSameFolder(effects: Pick<Effects, "files">, one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [one, other].map((folder) => effects.files.stat(join(folder, ".vmlab", "state.json"))),
  );
  // Inode numbers are unique only within a file system: time and size make a coincidence of two unlikely enough.
  return (
    a !== undefined && b !== undefined && a.inode === b.inode && a.mtimeMs === b.mtimeMs && a.size === b.size
  );
}
