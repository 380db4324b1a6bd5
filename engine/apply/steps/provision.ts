/** provision: the steps that are not done yet, one after another, each recorded as soon as it is done. */
import equal from "fast-deep-equal";
import type { GuestStep } from "../../../providers/provider.ts";
import { assetPath } from "../../asset-path.ts";
import { describeStep } from "../../config/describe-step.ts";
import { ProvisionLog, provisionLogPlaces } from "../../host/provision-log.ts";
import { isJsonObject, type Json, type JsonObject, keyedHash } from "../../json.ts";
import { isDeferred } from "../../plan/compare-inputs.ts";
import { readUnchanged } from "../../unchanged-file.ts";
import type { EvaluatedVmInputs } from "../evaluate-inputs.ts";
import type { Run, StepCall } from "../run.ts";
import { evaluated, type PlannedVm, plannedVm, sealedInputs, type Target, targetOf } from "./vm-target.ts";

type EvaluatedStep = EvaluatedVmInputs["steps"][number];

export async function provision(run: Run, call: StepCall): Promise<void> {
  const target = targetOf(run, call);
  const { address } = call.operation;
  const planned = plannedVm(call);
  const wanted = stepHashes(run, planned);
  let done = commonPrefix(target.record.stepsDone ?? [], wanted);
  const total = wanted.length;
  const steps = allStepsDone(run, call, target) ? [] : evaluated(run, planned).steps;
  const log = logOf(run, planned, target);
  for (const [index, step] of steps.entries()) {
    const hash = wanted[index];
    if (index < done.length || hash === undefined) continue;
    const guestStep = await guestStepOf(run, address, step, labelOf(planned, index));
    call.context.progress(guestStep.label, { unit: "steps", done: index, total });
    const told = { step: guestStep.label, number: index + 1, total };
    await log.step(told, call.context.signal, ({ output, exited }) =>
      run.providers.vm.provision(target.spec, guestStep, {
        ...call.context,
        exited,
        output: (line) => {
          output(line);
          call.context.output(line);
        },
      }),
    );
    done = [...done, hash];
    await run.keeper.commit({
      kind: "resource",
      address,
      resource: { ...target.with({}), phase: "ready", stepsDone: done },
    });
  }
  if (target.spec.ready !== undefined) await run.providers.vm.readyCommand(target.spec, call.context);
  const resource = { ...target.with({ phase: "complete" }), stepsDone: done, provisioned: true };
  await run.keeper.commit({ kind: "resource", address, resource });
}

function logOf(run: Run, { address, name }: PlannedVm, { instance }: Target): ProvisionLog {
  const { effects, home, events } = run.workspace;
  return new ProvisionLog({
    effects,
    places: provisionLogPlaces(home, run.lab.lineage, name),
    instance,
    mask: run.mask,
    note: (text) => events({ type: "note", address, text }),
  });
}

/** True when nothing is left to be run in the guest. */
export function allStepsDone(run: Run, call: StepCall, target: Target): boolean {
  const planned = plannedVm(call);
  const done = target.record.stepsDone ?? [];
  const wanted = stepHashes(run, planned);
  if (planned.inputs.on_change === "ignore" && target.record.provisioned === true) return true;
  return commonPrefix(done, wanted).length === wanted.length;
}

/** A step with the environment it runs in; its hash is keyed because both may hold secrets. */
export function stepHashes(run: Run, planned: PlannedVm): string[] {
  const { steps, env } = sealedInputs(run, planned);
  if (!Array.isArray(steps)) return [];
  return steps.map((step: Json) =>
    keyedHash(run.keeper.sensitiveKey, { step: hashesOnly(step), env: hashesOnly(env) }),
  );
}

/** A sealed value stands for itself through its hash, however its expression is spelt. */
function hashesOnly(value: Json | undefined): Json {
  if (isDeferred(value)) return value.hash ?? null;
  if (Array.isArray(value)) return value.map(hashesOnly);
  if (!isJsonObject(value)) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hashesOnly(inner)]));
}

function commonPrefix(done: readonly string[], wanted: readonly string[]): readonly string[] {
  let length = 0;
  while (length < done.length && done[length] === wanted[length]) length++;
  return done.slice(0, length);
}

/** Whether recorded and new inputs differ in what is run in the guest. */
export function provisioningChanged(before: JsonObject, after: JsonObject): boolean {
  if (after.on_change === "ignore") return false;
  const told = ({ steps, env }: JsonObject) => [hashesOnly(steps), hashesOnly(env)];
  return !equal(told(before), told(after));
}

function labelOf(planned: PlannedVm, index: number): string {
  const step = planned.inputs.steps[index];
  return step === undefined ? "step" : describeStep(step);
}

async function guestStepOf(
  run: Run,
  address: string,
  step: EvaluatedStep,
  label: string,
): Promise<GuestStep> {
  switch (step.kind) {
    case "run":
      return { kind: "run", label, command: step.command };
    case "packages":
      return { kind: "run", label, command: installCommand(step.names) };
    case "catalogue-script": {
      const path = assetPath(`roles/${step.role}/${step.script}`);
      const content = await run.workspace.effects.files.read(path);
      return { kind: "script", label, content, env: step.env };
    }
    case "script":
      return { kind: "script", label, content: await plannedFile(run, address, step.path, step.sha256) };
    case "file": {
      const content =
        step.from === undefined
          ? Buffer.from(step.content ?? "")
          : await plannedFile(run, address, step.from, step.sha256);
      return { kind: "file", label, to: step.to, mode: step.mode, owner: step.owner, content };
    }
  }
}

/** Packages of a role that is carried out at first boot. Their names were checked against the schema's pattern. */
function installCommand(names: readonly string[]): string {
  const apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300";
  return `${apt} update && ${apt} install -y --no-install-recommends ${names.join(" ")}`;
}

function plannedFile(run: Run, address: string, path: string, sha256: string | undefined): Promise<Buffer> {
  const { effects, folder } = run.workspace;
  return readUnchanged(effects, { address, folder, path, sha256 });
}
