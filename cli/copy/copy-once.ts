/** `cp` without --watch: every destination at once, the sources of each one after the other. */
import { join } from "node:path";
import { type Diagnostic, fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { EventSink } from "../../engine/events.ts";
import { type Copy, type CopyEnd, carryOutCopy } from "../../engine/operate/copy/copy.ts";
import type { CopyCall } from "../../engine/operate/copy/entry.ts";
import type { HostPlace, Place } from "../../engine/operate/copy/place.ts";
import { formatSize } from "../../engine/units.ts";
import type { CopyOptions } from "../commands/cp.ts";
import type { CommandContext } from "../context.ts";
import { withProgress } from "../images-commands/with-progress.ts";
import { recorded } from "../operation-recorder.ts";
import { printable } from "../render/text-width.ts";
import { showDiagnostics } from "../show-diagnostics.ts";
import { type Machines, openLabIfSound, openMachines } from "../workspace.ts";
import { CopyEvents } from "./copy-events.ts";
import { guestEnds, guestText, isGlob, parsePlaces } from "./places.ts";

/** What goes to one destination, and how far it is. */
interface Lane {
  /** The destination, for people. */
  readonly to: string;
  readonly copies: readonly Copy[];
  files: number;
  bytes: number;
  /** Of what comes from guests nobody knows how much it is. */
  expected: number | undefined;
  readonly skipped: string[];
  diagnostics: readonly Diagnostic[];
}

export async function copyOnce(
  context: CommandContext,
  texts: readonly string[],
  options: CopyOptions,
): Promise<number> {
  if (options.delete === true)
    fail({ code: "cli/usage", summary: "--delete goes with --watch", hint: "Add --watch, or leave it out." });
  const { sources, destination } = parsePlaces(context, texts);
  const machines = await openMachines(context);
  const lanes = await lanesFor(context, machines, sources, destination, options);
  const lab = await openLabIfSound(context);
  await withProgress(context, { json: false }, async ({ signal, progress, interrupts }) => {
    const show = (): void => {
      const done = sum(lanes.map(({ bytes }) => bytes));
      const known = lanes.every(({ expected }) => expected !== undefined);
      const total = known ? { total: sum(lanes.map(({ expected }) => expected ?? 0)) } : {};
      progress("copying", { unit: "bytes", done, ...total });
    };
    show();
    const run = { kind: "cp", ...(lab === undefined ? {} : { lab }), interrupts, events: () => {} };
    await recorded(
      context,
      run,
      (events) => copyLanes(context, lanes, { signal, show, events }),
      () => ({
        failures: lanes.flatMap(({ diagnostics }) => diagnostics),
        interrupted: interrupts.graceful.aborted,
      }),
    );
    signal.throwIfAborted();
  });
  return await tell(context, lanes);
}

async function copyLanes(
  context: CommandContext,
  lanes: readonly Lane[],
  call: { readonly signal: AbortSignal; readonly show: () => void; readonly events: EventSink },
): Promise<void> {
  const told = new CopyEvents(context.effects.clock, lanes, call.events);
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        await runLane(context, lane, {
          signal: call.signal,
          expected: (bytes) => {
            if (lane.expected !== undefined) lane.expected += bytes;
          },
          moved: (bytes) => {
            lane.bytes += bytes;
            call.show();
            told.moved(lane);
          },
          arrived: () => {
            lane.files += 1;
          },
          skipped: (what) => lane.skipped.push(what),
        });
        if (!call.signal.aborted) told.laneEnded(lane);
      }),
    );
  } finally {
    told.ended();
  }
}

/** Interrupted, it ends as if it had failed; a person is told once, for all lanes. */
async function runLane(context: CommandContext, lane: Lane, call: CopyCall): Promise<void> {
  try {
    for (const copy of lane.copies) await carryOutCopy(context.effects.files, copy, call);
  } catch (error) {
    if (call.signal.aborted) return;
    if (!isDiagnosticsError(error)) throw error;
    lane.diagnostics = error.diagnostics;
  }
}

async function lanesFor(
  context: CommandContext,
  machines: Machines,
  sources: readonly Place[],
  destination: Place,
  options: CopyOptions,
): Promise<Lane[]> {
  const recursive = options.recursive === true;
  const from: CopyEnd[] = [];
  for (const place of sources) {
    if (place.at === "host") from.push({ at: "host", place });
    else for (const end of await guestEnds(machines, place, options)) from.push({ at: "guest", place, end });
  }
  const several = from.length > 1;
  const lane = (to: string, copies: readonly Copy[]): Lane => ({
    to,
    copies,
    files: 0,
    bytes: 0,
    expected: sources.every(({ at }) => at === "host") ? 0 : undefined,
    skipped: [],
    diagnostics: [],
  });
  if (destination.at === "guest") {
    const ends = await guestEnds(machines, destination, options);
    return ends.map((end) => {
      const to: CopyEnd = { at: "guest", place: destination, end };
      return lane(
        guestText(end.vm, destination),
        from.map((one) => ({ from: one, to, recursive, several })),
      );
    });
  }
  const apart = sources.some((place) => place.at === "guest" && isGlob(place));
  if (!apart)
    return [
      lane(
        destination.text,
        from.map((one) => ({ from: one, to: { at: "host", place: destination }, recursive, several })),
      ),
    ];
  return await foldersOfVms(context, from, destination, recursive, lane);
}

/** One folder below the destination for each VM: what they call alike must not meet. */
async function foldersOfVms(
  context: CommandContext,
  from: readonly CopyEnd[],
  destination: HostPlace,
  recursive: boolean,
  lane: (to: string, copies: readonly Copy[]) => Lane,
): Promise<Lane[]> {
  const byVm = new Map<string, CopyEnd[]>();
  for (const end of from) {
    if (end.at === "guest") byVm.set(end.end.vm, [...(byVm.get(end.end.vm) ?? []), end]);
  }
  const lanes: Lane[] = [];
  for (const [vm, ends] of byVm) {
    const path = join(destination.path, vm);
    await context.effects.files.makeDir(path, { mode: 0o755 });
    const place: HostPlace = { ...destination, path, text: join(destination.text, vm), name: vm };
    lanes.push(
      lane(
        place.text,
        ends.map((one) => ({ from: one, to: { at: "host", place }, recursive, several: true })),
      ),
    );
  }
  return lanes;
}

async function tell(context: CommandContext, lanes: readonly Lane[]): Promise<number> {
  const { out, error } = context.terminal;
  for (const { to, files, bytes, skipped, diagnostics } of lanes) {
    for (const what of skipped) error.write(`Left out: ${printable(what)}\n`);
    if (diagnostics.length > 0) await showDiagnostics(diagnostics, context);
    else out.write(`Copied to ${to}: ${files} ${files === 1 ? "file" : "files"}, ${formatSize(bytes)}.\n`);
  }
  return lanes.some(({ diagnostics }) => diagnostics.length > 0) ? 1 : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
