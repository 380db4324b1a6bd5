import { join } from "node:path";
import { fail } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { homeFrom } from "../home.ts";
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
    "If the lab was moved and its old place is not used any more, run `vmlab state adopt`. For a lab of its own beside the original, run `vmlab state adopt --new`.";
  if (state.host !== (await effects.host.hostId())) {
    fail({
      code: "state/copied-elsewhere",
      summary: "This state belongs to another host",
      detail: `The machines of lab ${state.lab} run on the host that wrote the state (its folder there is ${state.folder}).`,
      hint,
    });
  }
  await verifyHome(effects, state);
  if (state.folder === labFolder || (await isSameFolder(effects, state.folder, labFolder))) return;
  const there = await effects.files.stat(join(state.folder, ".vmlab", "state.json"));
  fail({
    code: "state/copied-elsewhere",
    summary: "This state belongs to another folder",
    detail: `The machines of lab ${state.lab} belong to ${state.folder}, ${there === undefined ? "where no state is any more" : "which still has a state of its own"}.`,
    hint,
  });
}

/** With another VMLAB_HOME every machine would seem gone, and be made a second time beside the one that runs. */
async function verifyHome(effects: Pick<Effects, "files" | "host">, state: State): Promise<void> {
  const { root } = homeFrom(effects.host.env);
  if (state.home === root) return;
  const [there, here] = await Promise.all([effects.files.stat(state.home), effects.files.stat(root)]);
  if (there !== undefined && here !== undefined && there.inode === here.inode) return;
  fail({
    code: "state/other-home",
    summary: "The machines of this lab lie under another VMLAB_HOME",
    detail: `They are in ${state.home}${there === undefined ? ", which is gone" : ""}; VMLAB_HOME is ${root}.`,
    hint: `Set VMLAB_HOME=${state.home}. If that folder was moved here, or is gone for good, run \`vmlab state adopt\`.`,
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
