/** A pretend guest whose commands a shell of this host runs, at home in a folder: for what goes through its streams. */
import { nodeEffects } from "../../engine/effects-node.ts";
import type { GuestEnd } from "../../engine/operate/copy/read-guest.ts";
import { shellQuote } from "../../engine/shell-words.ts";
import type { VmProvider } from "../../providers/provider.ts";

export function shellGuest(home: string, vm = "web"): GuestEnd {
  const { processes } = nodeEffects();
  const open: VmProvider["open"] = (_id, command, options, signal) =>
    processes.open("sh", ["-c", `HOME=${shellQuote(home)}; export HOME; cd; ${command}`], {
      signal,
      ...(options.onStderr === undefined ? {} : { onStderr: options.onStderr }),
    });
  return guestEnd({ open }, vm);
}

/** A guest that answers whatever it is asked with these bytes. */
export function answeringGuest(answer: Uint8Array, vm = "web"): GuestEnd {
  const open: VmProvider["open"] = async () => ({
    stdout: (async function* () {
      yield answer;
    })(),
    write: async () => true,
    closeInput: () => undefined,
    stop: () => undefined,
    ended: Promise.resolve(0),
  });
  return guestEnd({ open }, vm);
}

/** Only what a copy asks for. */
function guestEnd(provider: Pick<VmProvider, "open">, vm: string): GuestEnd {
  return { provider: provider as VmProvider, id: "0123456789ab", vm, asRoot: false };
}
