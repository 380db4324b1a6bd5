/** The file of `ssh-config --write` follows the lab: ports change with a start, and with a destroy all is over. */
import { errorText } from "../engine/diagnostics.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CommandContext } from "./context.ts";

/** A convenience after the work is done: that it fails is told, and is no failure of the work. */
export async function keepSshConfig(
  context: CommandContext,
  workspace: Workspace,
  lineage: string,
): Promise<void> {
  const { effects, home, providers, store } = workspace;
  try {
    if ((await effects.files.stat(home.ssh)) === undefined) return;
    const { hasSshConfig, removeSshConfig, writeSshConfig } = await import(
      "../engine/operate/access/ssh-config-file.ts"
    );
    if (!(await hasSshConfig(effects, home, lineage))) return;
    const state = await store.read();
    if (state === undefined) {
      await removeSshConfig(effects, home, lineage);
      return;
    }
    const { labHosts } = await import("../engine/operate/access/lab-hosts.ts");
    const lab = { name: state.lab, lineage, folder: state.folder };
    await writeSshConfig(effects, home, lab, await labHosts(state, providers.vm));
  } catch (error) {
    context.terminal.error.write(
      `The SSH configuration of the lab is out of date: ${errorText(error)}. "vmlab ssh-config --write" writes it anew.\n`,
    );
  }
}
