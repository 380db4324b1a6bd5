/** What happens to a VM: its declaration against the record, the record against what really exists. */
import equal from "fast-deep-equal";
import type { Resource, VmInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { ResourceState } from "../state/types.ts";
import { formatSize } from "../units.ts";
import { takesSnapshot } from "./automatic-snapshot.ts";
import { changedFiles } from "./changed-files.ts";
import { compareInputs } from "./compare-inputs.ts";
import { savedMemoryLoss } from "./decide-removal.ts";
import { type Decision, NO_CHANGE } from "./decision.ts";
import { describeChange } from "./describe.ts";
import { ignores, keepIgnored } from "./ignored-changes.ts";
import type { AttributeChange, ChangeClass, DataLoss, PlannedResource, Reason, Step } from "./types.ts";
import { isSuspended, overrideOf, type Power, powerOf, wantsToRun } from "./vm-power.ts";
import type { VmSituation } from "./vm-situation.ts";
import { volumeMoves } from "./volume-moves.ts";

export function decideVm(situation: VmSituation): Decision {
  const { recorded, observation } = situation;
  if (recorded === undefined) return creation(situation, [{ kind: "new" }], 1);
  if (observation?.state === "broken" && !situation.requested) return broken(situation, observation.reason);
  if (observation?.state === "absent" || observation?.state === "incomplete") {
    const what = observation.state === "absent" ? "the machine is gone" : "the machine was never finished";
    return { ...creation(situation, [{ kind: "drift", what }], recorded.generation + 1) };
  }
  const changes = vmChanges(situation, recorded);
  const { resource } = situation;
  const heeded = changes.filter((change) => !ignores(resource, change.path[0] ?? ""));
  const replacing = replaceReasons(situation, recorded, heeded);
  const power = powerOf(recorded, observation);
  if (replacing.length > 0) return replacement(situation, recorded, changes, replacing, power);
  return inPlace(withKept(situation, recorded), recorded, heeded, power);
}

/** A copy only where it is needed: labs have thousands of VMs. */
function withKept(situation: VmSituation, recorded: ResourceState): VmSituation {
  const { resource } = situation;
  if (resource.lifecycle === undefined) return situation;
  return { ...situation, resource: { ...resource, inputs: keepIgnored(resource, recorded.inputs) } };
}

/** What the VM will be. */
export function plannedVm(
  situation: VmSituation,
  generation: number,
): Extract<PlannedResource, { type: "vm" }> {
  const { resource, base, triggers } = situation;
  return {
    type: "vm",
    address: resource.address,
    name: resource.name,
    provider: resource.provider,
    dependsOn: resource.dependsOn,
    preventDestroy: resource.preventDestroy,
    ...(resource.environment === undefined ? {} : { environment: resource.environment }),
    generation,
    inputs: resource.inputs as VmInputs,
    ...(base.digest === undefined || base.restored ? {} : { base: base.digest }),
    user: base.user,
    ...(triggers === undefined ? {} : { triggers: triggers.values }),
    ...(base.requires.length === 0 ? {} : { requires: base.requires }),
  };
}

function creation(situation: VmSituation, reasons: readonly Reason[], generation: number): Decision {
  const inputs = situation.resource.inputs as VmInputs;
  const steps: Step[] = inputs.power === "stopped" ? ["create"] : ["create", "start", "ready", "provision"];
  const size = [
    typeof inputs.cpus === "number" ? `${inputs.cpus} vCPU` : "",
    typeof inputs.memory === "number" ? formatSize(inputs.memory) : "",
    typeof inputs.disk === "number" ? `disk ${formatSize(inputs.disk)}` : "",
  ].filter((part) => part !== "");
  const drift = reasons.find((reason) => reason.kind === "drift");
  return {
    ...NO_CHANGE,
    action: "create",
    summary: `${drift === undefined ? "" : `${drift.what}; `}${beginning(inputs)}, ${size.join(", ")}`,
    reasons,
    steps,
    planned: plannedVm(situation, generation),
  };
}

/** `on docker`, `clone of web`. */
function beginning({ clone, fallback, role, image }: VmInputs): string {
  if (clone !== undefined)
    return `clone of ${clone.vm}${clone.snapshot === undefined ? "" : ` at ${clone.snapshot}`}`;
  return `on ${fallback === undefined ? (role ?? image) : `${fallback}, then ${role}`}`;
}

function broken(situation: VmSituation, reason: string): Decision {
  const { address } = situation.resource;
  return {
    ...NO_CHANGE,
    diagnostics: [
      problem({
        code: "plan/vm-broken",
        address,
        summary: `${address} cannot be used: ${reason}`,
        detail: "Its disk was left as it is. Nothing is replaced unasked.",
        hint: `Bring back what is named above (for an image: \`vmlab images verify --repair\`, \`vmlab images import\`), or make the VM anew with \`vmlab apply --replace ${address}\` (its disk goes to the trash).`,
      }),
    ],
  };
}

/** Differences of declared inputs, with the change class that really applies. */
function vmChanges(situation: VmSituation, recorded: ResourceState): AttributeChange[] {
  const inputs = situation.resource.inputs as VmInputs;
  return compareInputs(recorded.inputs, inputs).flatMap((change): AttributeChange[] => {
    const [key] = change.path;
    // The name of the image does not matter while the bytes below the disk stay the same.
    if (NAMES_BASE.has(key ?? ""))
      return standsOnSameBytes(situation, recorded) ? [{ ...change, change: "live" }] : [change];
    if (change.change !== "provision") return [change];
    const classes: Record<VmInputs["on_change"], ChangeClass> = {
      rerun: "provision",
      replace: "replace",
      ignore: "live",
    };
    return [{ ...change, change: classes[inputs.on_change] }];
  });
}

function standsOnSameBytes(situation: VmSituation, recorded: ResourceState): boolean {
  return situation.base.digest !== undefined && situation.base.digest === recorded.attributes.base;
}

/** Inputs that say what a VM stands on. */
const NAMES_BASE: ReadonlySet<string> = new Set(["image", "role", "fallback"]);

function replaceReasons(
  situation: VmSituation,
  recorded: ResourceState,
  changes: readonly AttributeChange[],
): Reason[] {
  const replacing = changes.filter((change) => change.change === "replace");
  const reasons: Reason[] = [
    ...replacing.map(
      (change): Reason => ({ kind: "attribute", path: change.path.join("."), change: "replace" }),
    ),
    ...changedFiles(replacing),
  ];
  if (
    !ignores(situation.resource, "image") &&
    !standsOnSameBytes(situation, recorded) &&
    !changes.some((change) => NAMES_BASE.has(change.path[0] ?? ""))
  ) {
    reasons.push({ kind: "dependency", address: situation.base.address });
  }
  for (const by of situation.triggers?.fired ?? []) reasons.push({ kind: "triggered", by });
  if (situation.requested) reasons.push({ kind: "requested", by: "--replace" });
  return reasons;
}

function replacement(
  situation: VmSituation,
  recorded: ResourceState,
  changes: readonly AttributeChange[],
  reasons: readonly Reason[],
  power: Power,
): Decision {
  const inputs = situation.resource.inputs as VmInputs;
  const { override, changed } = overrideOf(situation, recorded, changes, power);
  const runNew = wantsToRun(inputs, recorded, override, power);
  const moves = volumeMoves(recorded.inputs, inputs, situation.renewed);
  const snapshot: Step[] = power.running && takesSnapshot(inputs) ? ["snapshot"] : [];
  // With the volumes that it still has.
  const steps: Step[] =
    moves.releases.length > 0 ? [...snapshot, "detach", "create"] : ["create", ...snapshot];
  if (power.running) steps.push("stop");
  if (runNew) steps.push("start", "ready");
  steps.push("retire");
  if (runNew) steps.push("provision");
  const disk = recorded.inputs.disk;
  const loss: DataLoss = {
    address: situation.resource.address,
    what: "disk",
    ...(typeof disk === "number" ? { size: disk } : {}),
    final: false,
  };
  const words = changes.filter((change) => change.change === "replace").map(describeChange);
  return {
    ...NO_CHANGE,
    action: "replace",
    summary: words.join(", "),
    reasons,
    attributes: changes,
    steps,
    planned: plannedVm(situation, recorded.generation + 1),
    ...(changed
      ? { observed: { address: situation.resource.address, powerOverride: override ?? null } }
      : {}),
    dataLoss: isSuspended(situation.observation) ? [loss, savedMemoryLoss(situation.resource)] : [loss],
  };
}

function inPlace(
  situation: VmSituation,
  recorded: ResourceState,
  changes: readonly AttributeChange[],
  power: Power,
): Decision {
  const { resource } = situation;
  const inputs = resource.inputs as VmInputs;
  const shrink = changes.find((change) => change.change === "grow" && shrinks(change));
  if (shrink !== undefined) return shrinking(situation, shrink);

  const { override, changed: overrideChanged, note } = overrideOf(situation, recorded, changes, power);
  const wanted = wantsToRun(inputs, recorded, override, power);
  const works = [...renaming(resource, recorded), ...changes.filter((change) => change.path[0] !== "power")];
  const has = (change: ChangeClass) => works.some((candidate) => candidate.change === change);
  const restart = has("restart");
  const steps: Step[] = [];
  const reasons: Reason[] = [
    ...works.map(
      (change): Reason => ({ kind: "attribute", path: change.path.join("."), change: change.change }),
    ),
    ...changedFiles(works),
  ];

  const moves = volumeMoves(recorded.inputs, inputs, situation.renewed);
  const anew = moves.attaches.filter((address) => situation.renewed.has(address));
  const unfit = suspendedProblem(situation, works, anew);
  if (unfit !== undefined) return { ...NO_CHANGE, diagnostics: [unfit] };
  reasons.push(...anew.map((address): Reason => ({ kind: "dependency", address })));
  const again = has("provision") && recorded.provisioned === true;
  if (power.running && (restart || again) && takesSnapshot(inputs)) steps.push("snapshot");
  if (moves.releases.length > 0) steps.push("detach");

  const stops = power.running && (!wanted || restart);
  if (stops) steps.push("stop");
  if (works.length > 0 || changes.length > 0 || anew.length > 0) steps.push("update");
  const starts = wanted && (!power.running || restart);
  if (starts) steps.push("start");
  const resumes = wanted && recorded.phase !== "complete";
  if (starts || (resumes && recorded.phase !== "ready")) steps.push("ready");
  if (wanted && (resumes || has("provision"))) steps.push("provision");

  const powered = changes.some((change) => change.path[0] === "power");
  if (powered) reasons.push({ kind: "attribute", path: "power", change: "live" });
  const drifted = starts && !restart && !powered && recorded.phase !== "created";
  if (drifted) reasons.push({ kind: "drift", what: power.reason ?? "the machine does not run" });
  if (resumes && !drifted) reasons.push({ kind: "resume", phase: recorded.phase });

  const observed = {
    address: resource.address,
    ...(overrideChanged ? { powerOverride: override ?? null } : {}),
    ...(recorded.preventDestroy === resource.preventDestroy
      ? {}
      : { preventDestroy: resource.preventDestroy }),
    ...(equal(recorded.triggers ?? {}, situation.triggers?.values ?? {})
      ? {}
      : { triggers: situation.triggers?.values ?? {} }),
    ...(sameList(recorded.dependsOn, resource.dependsOn) ? {} : { dependsOn: resource.dependsOn }),
  };
  const isObserved = Object.keys(observed).length > 1;
  // What nearly every VM of a plan comes to is shared by all.
  if (steps.length === 0 && note === undefined && !isObserved) return NO_CHANGE;
  const base: Decision = {
    ...NO_CHANGE,
    notes:
      note === undefined
        ? []
        : [
            {
              address: resource.address,
              text: `${note}; ${wayOut(situation, power)}`,
            },
          ],
    ...(isObserved ? { observed } : {}),
  };
  if (steps.length === 0) return base;
  return {
    ...base,
    action: actionOf(steps),
    summary: summaryOf(works, reasons, steps, restart && power.running),
    reasons,
    attributes: [...works, ...changes.filter((change) => change.path[0] === "power")],
    steps,
    planned: plannedVm(situation, recorded.generation),
  };
}

function wayOut({ resource: { name }, observation }: VmSituation, power: Power): string {
  return power.running || isSuspended(observation)
    ? `\`vmlab resume ${name}\` lets it go on`
    : `\`vmlab start ${name}\` starts it`;
}

/** Saved memory is neither lost nor loaded into another machine unasked. */
function suspendedProblem(
  { resource: { address, name }, observation }: VmSituation,
  works: readonly AttributeChange[],
  renewed: readonly string[],
): Diagnostic | undefined {
  if (!isSuspended(observation)) return undefined;
  const unfit = works.filter(
    ({ change, path: [key] }) => change === "restart" || change === "grow" || key === "volumes",
  );
  if (unfit.length === 0 && renewed.length === 0) return undefined;
  return problem({
    code: "plan/vm-suspended",
    address,
    summary: `${address} is suspended, and its saved memory does not fit this change: ${[...unfit.map(describeChange), ...renewed].join(", ")}`,
    hint: `Let it go on first (\`vmlab resume ${name}\`), or give its memory up, as a power cut would (\`vmlab stop ${name} --force\`).`,
  });
}

/** The machine knows itself by another name than the state does: it was moved, and takes the name as its hostname. */
function renaming({ name }: Resource, { attributes }: ResourceState): AttributeChange[] {
  if (typeof attributes.name !== "string" || attributes.name === name) return [];
  return [
    {
      path: ["name"],
      before: attributes.name,
      after: name,
      change: "live",
      sensitive: false,
      unknown: false,
    },
  ];
}

function actionOf(steps: readonly Step[]): Decision["action"] {
  if (steps.includes("update") || steps.includes("provision")) return "update";
  return steps.includes("start") || steps.includes("ready") ? "start" : "stop";
}

function summaryOf(
  works: readonly AttributeChange[],
  reasons: readonly Reason[],
  steps: readonly Step[],
  restarts: boolean,
): string {
  const parts = works.map(describeChange);
  const classes = [
    restarts ? "restart" : "",
    works.some((change) => change.change === "grow") ? "grown in place" : "",
    !restarts && works.length > 0 && works.every((change) => change.change === "live") ? "live" : "",
  ].filter((word) => word !== "");
  for (const reason of reasons) if (reason.kind === "dependency") parts.push(`${reason.address} anew`);
  const drift = reasons.find((reason) => reason.kind === "drift");
  if (drift !== undefined) parts.push(drift.what);
  const resume = reasons.find((reason) => reason.kind === "resume");
  if (resume !== undefined) parts.push(`goes on after "${resume.phase}"`);
  if (parts.length === 0) parts.push(steps.includes("stop") ? "stop" : "start");
  return `${parts.join(", ")}${classes.length > 0 ? ` (${classes.join(", ")})` : ""}`;
}

function shrinks(change: AttributeChange): boolean {
  return (
    typeof change.before === "number" && typeof change.after === "number" && change.after < change.before
  );
}

function shrinking(situation: VmSituation, change: AttributeChange): Decision {
  const { address } = situation.resource;
  const [before, after] = [Number(change.before), Number(change.after)];
  return {
    ...NO_CHANGE,
    diagnostics: [
      problem({
        code: "plan/disk-cannot-shrink",
        address,
        summary: `the disk of ${address} cannot shrink from ${formatSize(before)} to ${formatSize(after)}`,
        detail: "A smaller disk would cut off what the guest wrote at its end.",
        hint: `Keep disk at ${formatSize(before)} or more, or make the VM anew with \`vmlab apply --replace ${address}\`.`,
      }),
    ],
  };
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
