/** One look at a lab: its machines, their ready.command, and the images that they stand on. */
import type { Providers, VmObservation, VmSpec } from "../../../providers/provider.ts";
import { errorText, isDiagnosticsError } from "../../diagnostics.ts";
import type { AlertSettings } from "../../host/operations/alert-settings.ts";
import { shellQuote } from "../../shell-words.ts";
import type { ResourceState, State } from "../../state/types.ts";
import { vmsOf } from "../select.ts";
import type { Finding } from "./finding.ts";

export interface WatchedLab {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  readonly state: State;
  readonly providers: Providers;
  readonly settings: AlertSettings;
  /** What a VM's ready.command is run with; undefined for VMs that have none, or whose values are not known here. */
  readonly probeOf: (vm: ResourceState) => VmSpec | undefined;
}

export interface Look {
  readonly findings: readonly Finding[];
  readonly vms: number;
  readonly images: number;
}

/** Probes that run at the same time: each is a login. */
const PROBES_AT_ONCE = 4;

export async function lookAtLab(lab: WatchedLab, signal: AbortSignal): Promise<Look> {
  const { state, providers } = lab;
  const vms = vmsOf(state).filter(({ instance }) => instance !== undefined);
  const images = Object.values(state.resources).filter(
    ({ type, instance }) => (type === "image" || type === "role") && instance !== undefined,
  );
  const ids = vms.flatMap(({ instance }) => instance ?? []);
  const [machines, store] = await Promise.all([
    providers.vm.read(ids, signal),
    providers.image.read(images.flatMap(({ instance }) => instance ?? [])),
  ]);
  await providers.vm.trimLogs(ids);
  const seen = (vm: ResourceState): VmObservation => machines.get(vm.instance ?? "") ?? { state: "absent" };
  const findings = [
    ...vms.flatMap((vm) => machineFinding(lab, vm, seen(vm)) ?? []),
    ...(await probe(
      lab,
      vms.filter((vm) => isServing(vm, seen(vm))),
      signal,
    )),
    ...images.flatMap((image) => {
      const found = store.get(image.instance ?? "");
      if (found === undefined || found.state === "present") return [];
      const what = found.state === "absent" ? "is missing from the store" : `is damaged: ${found.reason}`;
      return [finding(lab, "image-damaged", image, what, "vmlab images verify --repair")];
    }),
  ];
  return { findings, vms: vms.length, images: images.length };
}

/** Undefined when the machine is as it should be, as far as can be seen from outside. */
function machineFinding(lab: WatchedLab, vm: ResourceState, seen: VmObservation): Finding | undefined {
  const command = (words: string): string => `vmlab -C ${shellQuote(lab.folder)} ${words}`;
  switch (seen.state) {
    case "running": {
      // Somebody who pauses a machine knows it.
      if (!seen.paused || seen.pausedBy === undefined || seen.pausedBy === "user") return undefined;
      const what = `stands still: ${PAUSED[seen.pausedBy]}`;
      const remedy = seen.pausedBy === "disk-full" ? `resume ${vm.name}` : `restart --force ${vm.name}`;
      return finding(lab, "vm-paused", vm, what, command(remedy));
    }
    case "stopped":
      if (seen.clean) return undefined;
      return finding(
        lab,
        "vm-died",
        vm,
        `died: ${seen.reason ?? "nobody knows why"}`,
        command(`start ${vm.name}`),
      );
    case "broken":
      return finding(lab, "vm-broken", vm, `cannot be used: ${seen.reason}`, command("doctor"));
    case "absent":
      return finding(lab, "vm-broken", vm, "is gone: nothing is left of it", command("plan"));
    case "incomplete":
      // Whoever makes it, or died while doing so, is told of otherwise.
      return undefined;
  }
}

const PAUSED = {
  "disk-full": "the host's disk is full, or fails; free some space first",
  guest: "its guest's kernel panicked",
  host: "QEMU met an error of its own",
} as const;

/** A machine that got through its start once: before that, apply waits for it. */
function isServing(vm: ResourceState, seen: VmObservation): boolean {
  return vm.phase === "complete" && seen.state === "running" && !seen.paused;
}

async function probe(
  lab: WatchedLab,
  vms: readonly ResourceState[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const waiting = [...vms];
  const work = async (): Promise<void> => {
    for (let vm = waiting.shift(); vm !== undefined; vm = waiting.shift()) {
      signal.throwIfAborted();
      const spec = lab.probeOf(vm);
      const why = spec === undefined ? undefined : await failureOf(lab, spec, signal);
      if (why === undefined) continue;
      const remedy = `vmlab -C ${shellQuote(lab.folder)} ssh ${vm.name}`;
      const what = `fails its ready.command: ${why}`;
      findings.push({ ...finding(lab, "probe-failing", vm, what, remedy), afterMs: lab.settings.probeMs });
    }
  };
  await Promise.all(Array.from({ length: Math.min(PROBES_AT_ONCE, vms.length) }, work));
  return findings;
}

async function failureOf(lab: WatchedLab, spec: VmSpec, signal: AbortSignal): Promise<string | undefined> {
  const call = { signal, progress: () => undefined, output: () => undefined };
  try {
    return await lab.providers.vm.probe(spec, call);
  } catch (error) {
    signal.throwIfAborted();
    return isDiagnosticsError(error) ? (error.diagnostics[0]?.summary ?? "") : errorText(error);
  }
}

function finding(
  { name, folder, state }: WatchedLab,
  kind: Finding["kind"],
  { address }: ResourceState,
  what: string,
  remedy: string,
): Finding {
  return {
    scope: state.lineage,
    kind,
    address,
    lab: { name, folder },
    subject: `${address} of ${name}`,
    what,
    remedy,
    afterMs: 0,
  };
}
