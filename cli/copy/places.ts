/** The arguments of `cp`, with the VMs that they name. */
import { fail } from "../../engine/diagnostics.ts";
import { type GuestPlace, type Place, parsePlace } from "../../engine/operate/copy/place.ts";
import type { GuestEnd } from "../../engine/operate/copy/read-guest.ts";
import type { CopyOptions } from "../commands/cp.ts";
import type { CommandContext } from "../context.ts";
import { requireRunning } from "../machine-access.ts";
import { chosenVms } from "../machine-selection.ts";
import type { Machines } from "../workspace.ts";

export function parsePlaces(
  context: CommandContext,
  texts: readonly string[],
): { readonly sources: readonly Place[]; readonly destination: Place } {
  const { cwd } = context.terminal;
  const places = texts.map((text) => parsePlace(text, cwd));
  const destination = places.pop();
  if (destination === undefined || places.length === 0) {
    fail({
      code: "cli/usage",
      summary: "cp needs what to copy, and where to",
      hint: "vmlab cp motd web:/etc/motd, or vmlab cp web:/etc/motd .",
    });
  }
  const local = places.find(({ at }) => at === "host");
  if (destination.at === "host" && local !== undefined) {
    fail({
      code: "cli/usage",
      summary: `${local.text} and ${destination.text} are both on this host`,
      hint: "A place in a VM is written VM:PATH, such as web:/tmp.",
    });
  }
  return { sources: places, destination };
}

/** The running VMs of a place, each with its provider. */
export async function guestEnds(
  { state, providers }: Machines,
  place: GuestPlace,
  options: CopyOptions,
): Promise<GuestEnd[]> {
  return await Promise.all(
    chosenVms(state, [place.vm], {}).map(async (vm) => ({
      provider: providers.vm,
      id: await requireRunning(providers.vm, vm),
      vm: vm.name,
      asRoot: options.root === true,
    })),
  );
}

export function isGlob({ vm }: GuestPlace): boolean {
  return vm.includes("*");
}

/** `web:~` for the home folder. */
export function guestText(vm: string, { path }: GuestPlace): string {
  return `${vm}:${path === "." ? "~" : path}`;
}
