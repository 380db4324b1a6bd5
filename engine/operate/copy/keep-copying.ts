/** Copies what changes in a folder of this host into guests, until it is told to stop. */
import { type Diagnostic, errorText, isDiagnosticsError, problem } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import { shellScript } from "../../shell-words.ts";
import type { CopyCall } from "./entry.ts";
import { changesBetween, type FolderFacts, FolderWatch } from "./folder-watch.ts";
import { guestFailed, Said } from "./guest-failure.ts";
import type { HostPlace } from "./place.ts";
import { entriesOf, type Scanned } from "./read-host.ts";
import { type GuestTarget, writeToGuest } from "./write-guest.ts";

export type WatchEvent =
  | {
      readonly type: "copied";
      readonly vm: string;
      /** Files and links, by path. */
      readonly paths: readonly string[];
      readonly bytes: number;
      readonly durationMs: number;
    }
  | { readonly type: "deleted"; readonly vm: string; readonly paths: readonly string[] }
  /** It is tried again; told once for each reason. */
  | { readonly type: "failed"; readonly vm: string; readonly diagnostics: readonly Diagnostic[] }
  /** The folder is gone or back. */
  | { readonly type: "folder"; readonly there: boolean };

export interface KeepCopying {
  readonly from: HostPlace;
  readonly targets: readonly GuestTarget[];
  /** Removes from the guests what was copied there and is gone from the folder since. */
  readonly deletes: boolean;
  readonly signal: AbortSignal;
  readonly tell: (event: WatchEvent) => void;
}

/** Between two attempts at a guest that failed. */
const RETRY_MS = 5000;

/** What is in the folder becomes what is in the destination. Resolves when the signal is aborted. */
export async function keepCopying(
  effects: Pick<Effects, "files" | "clock">,
  request: KeepCopying,
): Promise<void> {
  const { from, targets, signal, tell } = request;
  const watch = new FolderWatch(effects, from.path, signal);
  const lanes = targets.map((target) => new Lane(effects, target, request));
  let there = true;
  try {
    for (;;) {
      const facts = await watch.look();
      if ((facts !== undefined) !== there) {
        there = facts !== undefined;
        tell({ type: "folder", there });
      }
      // A folder that is gone is no order to delete everything.
      if (facts !== undefined) for (const lane of lanes) lane.bring(facts);
      await watch.nextTime();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(lanes.map((lane) => lane.idle()));
  }
}

/** One guest: brought up to date at its own pace, so that a slow one keeps no other waiting. */
class Lane {
  readonly #effects: Pick<Effects, "files" | "clock">;
  readonly #target: GuestTarget;
  readonly #request: KeepCopying;
  /** What the guest has, as far as it was copied. */
  #has: FolderFacts = new Map();
  #wanted: FolderFacts | undefined;
  #working: Promise<void> | undefined;
  #told = "";

  constructor(effects: Pick<Effects, "files" | "clock">, target: GuestTarget, request: KeepCopying) {
    this.#effects = effects;
    this.#target = target;
    this.#request = request;
  }

  bring(facts: FolderFacts): void {
    this.#wanted = facts;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    const { signal, tell } = this.#request;
    const { vm } = this.#target;
    while (this.#wanted !== undefined && !signal.aborted) {
      const wanted = this.#wanted;
      this.#wanted = undefined;
      try {
        await this.#bring(wanted);
        this.#has = wanted;
        this.#told = "";
      } catch (error) {
        if (signal.aborted) return;
        const diagnostics = isDiagnosticsError(error)
          ? error.diagnostics
          : [problem({ code: "cp/guest-failed", summary: errorText(error), address: `vm.${vm}` })];
        const text = diagnostics.map(({ summary }) => summary).join("\n");
        if (text !== this.#told) tell({ type: "failed", vm, diagnostics });
        this.#told = text;
        await this.#effects.clock.sleep(RETRY_MS, signal).catch(() => undefined);
        // Unless the folder has changed meanwhile.
        this.#wanted ??= wanted;
      }
    }
  }

  async #bring(wanted: FolderFacts): Promise<void> {
    const { clock, files } = this.#effects;
    const { from, deletes, signal, tell } = this.#request;
    const { vm } = this.#target;
    const { changed, gone, inTheWay } = changesBetween(this.#has, wanted);
    const remove = [...inTheWay, ...(deletes ? gone : [])];
    if (remove.length > 0) await this.#remove(remove);
    if (deletes && gone.length > 0) tell({ type: "deleted", vm, paths: gone });
    if (changed.length === 0) return;
    const begun = clock.now();
    let bytes = 0;
    const call: CopyCall = {
      signal,
      expected: () => undefined,
      moved: (count) => {
        bytes += count;
      },
      arrived: () => undefined,
      skipped: () => undefined,
    };
    const entries = entriesOf(files, from.path, changed, call);
    await writeToGuest(
      this.#target,
      { kind: "folder", name: undefined, entries, close: () => undefined },
      call,
    );
    const paths = changed.filter(isNoFolder).map(({ path }) => path.join("/"));
    if (paths.length > 0) tell({ type: "copied", vm, paths, bytes, durationMs: clock.now() - begun });
  }

  async #remove(paths: readonly string[]): Promise<void> {
    const { provider, id, asRoot, place, vm } = this.#target;
    const said = new Said();
    const command = shellScript(REMOVE_SCRIPT, [place.path]);
    const process = await provider.open(id, command, { asRoot, onStderr: said.take }, this.#request.signal);
    try {
      await process.write(Buffer.from(paths.map((path) => `./${path.replace(/\/$/, "")}\0`).join("")));
      process.closeInput();
      for await (const _ of process.stdout);
      const code = await process.ended;
      this.#request.signal.throwIfAborted();
      if (code !== 0) guestFailed(vm, `files in ${vm}:${place.path} could not be deleted`, code, said);
    } finally {
      process.stop();
    }
  }
}

/** Names come on standard input, each with a null byte behind it. */
const REMOVE_SCRIPT = `
[ -d "$1" ] || exit 0
cd "$1" && exec xargs -0 rm -rf --
`;

function isNoFolder({ kind }: Scanned): boolean {
  return kind !== "folder";
}
