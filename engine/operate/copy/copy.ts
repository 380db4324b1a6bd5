/** One copy, from wherever to wherever but from this host to itself. */
import type { Files } from "../../effects.ts";
import type { CopyCall, OpenSource } from "./entry.ts";
import type { GuestPlace, HostPlace } from "./place.ts";
import { type GuestEnd, openGuestSource } from "./read-guest.ts";
import { openHostSource } from "./read-host.ts";
import { writeToGuest } from "./write-guest.ts";
import { writeToHost } from "./write-host.ts";

/** A place with the machine that it is in. */
export type CopyEnd =
  | { readonly at: "host"; readonly place: HostPlace }
  | { readonly at: "guest"; readonly place: GuestPlace; readonly end: GuestEnd };

export interface Copy {
  readonly from: CopyEnd;
  readonly to: CopyEnd;
  readonly recursive: boolean;
  /** The destination has to be a folder, because several things go there. */
  readonly several: boolean;
}

/** Like cp: into a folder that is there, else as what the destination is called. Expected problems are diagnostics. */
export async function carryOutCopy(files: Files, copy: Copy, call: CopyCall): Promise<void> {
  const { from, to, several } = copy;
  const source: OpenSource =
    from.at === "host"
      ? await openHostSource(files, from.place, copy, call)
      : await openGuestSource(from.end, from.place, copy, call);
  try {
    if (to.at === "guest") await writeToGuest({ ...to.end, place: to.place, several }, source, call);
    else if (from.at === "guest")
      await writeToHost(files, { place: to.place, several, vm: from.end.vm }, source, call);
    else throw new Error("cp of this host copies within it");
  } finally {
    source.close();
  }
}
