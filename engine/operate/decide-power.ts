/** What a power command does with one VM, from how it is. Pure. */
import type { VmObservation } from "../../providers/provider.ts";
import type { VmInputs } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import { type Decision, NO_CHANGE } from "../plan/decision.ts";
import type { PlannedResource, Step } from "../plan/types.ts";
import { isSuspended } from "../plan/vm-power.ts";
import type { ResourceState } from "../state/types.ts";

export type PowerVerb = "start" | "stop" | "restart" | "pause" | "resume" | "suspend";

export interface PowerOptions {
  /** stop, restart: do not ask the guest, and give up what suspend has saved. */
  readonly force: boolean;
}

type VerbDecision = { readonly decision: Decision } | { readonly refused: Diagnostic };

export function decidePower(
  verb: PowerVerb,
  record: ResourceState,
  observation: VmObservation | undefined,
  options: PowerOptions,
): VerbDecision {
  switch (observation?.state) {
    case "running":
      return observation.paused ? ofPaused(verb, record) : ofRunning(verb, record);
    case "stopped":
      return isSuspended(observation) ? ofSuspended(verb, record, options) : ofStopped(verb, record);
    case "broken":
      return refuse(record, {
        code: "operate/broken",
        summary: `${record.address} cannot be used: ${observation.reason}`,
        hint: "`vmlab plan` shows what would mend it.",
      });
    default:
      return refuse(record, {
        code: "operate/gone",
        summary: `the machine of ${record.address} is gone`,
        hint: "`vmlab apply` makes it anew.",
      });
  }
}

const BOOT: readonly Step[] = ["start", "ready", "provision"];

function ofRunning(verb: PowerVerb, record: ResourceState): VerbDecision {
  switch (verb) {
    case "start":
      return record.phase === "complete"
        ? already(record, "runs already")
        : does(verb, record, ["ready", "provision"]);
    case "resume":
      return already(record, "runs already");
    case "restart":
      return does(verb, record, ["stop", ...BOOT]);
    default:
      return does(verb, record, [verb]);
  }
}

function ofPaused(verb: PowerVerb, record: ResourceState): VerbDecision {
  switch (verb) {
    case "start":
    case "resume":
      return does(verb, record, record.phase === "complete" ? ["resume"] : ["resume", "ready", "provision"]);
    case "pause":
      return record.powerOverride?.state === "paused"
        ? already(record, "is paused already")
        : does(verb, record, ["pause"]);
    case "restart":
      return does(verb, record, ["stop", ...BOOT]);
    default:
      return does(verb, record, [verb]);
  }
}

function ofSuspended(verb: PowerVerb, record: ResourceState, { force }: PowerOptions): VerbDecision {
  const { address, name } = record;
  switch (verb) {
    case "start":
    case "resume":
      return does(verb, record, ["resume", "ready", "provision"]);
    case "suspend":
      return record.powerOverride?.state === "suspended"
        ? already(record, "is suspended already")
        : does(verb, record, ["suspend"]);
    case "pause":
      return notRunning(verb, record, "suspended");
    default:
      if (force) return does(verb, record, verb === "stop" ? ["stop"] : ["stop", ...BOOT]);
      return refuse(record, {
        code: "operate/suspended",
        summary: `${address} is suspended`,
        detail: "It is off, with its memory saved: what its guest has not written yet is only there.",
        hint: `\`vmlab resume ${name}\` lets it go on; then it can be stopped. \`vmlab ${verb} ${name} --force\` gives its memory up, as a power cut would.`,
      });
  }
}

function ofStopped(verb: PowerVerb, record: ResourceState): VerbDecision {
  switch (verb) {
    case "start":
    case "restart":
      return does("start", record, BOOT);
    case "stop":
      // A VM that died, or was powered off inside, stays off from now on: the user said so.
      return record.powerOverride?.by === "command" && record.powerOverride.state === "stopped"
        ? already(record, "is off already")
        : does(verb, record, ["stop"]);
    default:
      return notRunning(verb, record, "off");
  }
}

function notRunning(verb: PowerVerb, record: ResourceState, is: "off" | "suspended"): VerbDecision {
  const { address, name } = record;
  return refuse(record, {
    code: "operate/not-running",
    summary: `${address} is ${is}: there is nothing to ${verb}`,
    hint: is === "off" ? `\`vmlab start ${name}\` starts it.` : `\`vmlab resume ${name}\` lets it go on.`,
  });
}

function refuse(record: ResourceState, about: Parameters<typeof problem>[0]): VerbDecision {
  return { refused: problem({ ...about, address: record.address }) };
}

function already({ address }: ResourceState, text: string): VerbDecision {
  return { decision: { ...NO_CHANGE, notes: [{ address, text }] } };
}

/** Verbs after which the machine runs. */
const POWERING: ReadonlySet<PowerVerb> = new Set(["start", "restart", "resume"]);

export function powersOn(verb: PowerVerb): boolean {
  return POWERING.has(verb);
}

function does(verb: PowerVerb, record: ResourceState, steps: readonly Step[]): VerbDecision {
  return {
    decision: {
      ...NO_CHANGE,
      action: powersOn(verb) ? "start" : "stop",
      summary: verb,
      reasons: [{ kind: "requested", by: verb }],
      steps,
      planned: plannedAsRecorded(record),
    },
  };
}

/** The VM as it was last applied: a start carries out no changes of lab.toml. */
function plannedAsRecorded(record: ResourceState): PlannedResource {
  return {
    type: "vm",
    address: record.address,
    name: record.name,
    provider: record.provider,
    dependsOn: record.dependsOn,
    preventDestroy: record.preventDestroy,
    ...(record.environment === undefined ? {} : { environment: record.environment }),
    generation: record.generation,
    inputs: record.inputs as unknown as VmInputs,
    base: String(record.attributes.base),
    user: "",
  };
}
