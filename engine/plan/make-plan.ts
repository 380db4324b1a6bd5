/** From a lab, its state and what really exists to a plan. Reads through providers; writes nothing, takes no lock. */
import { join } from "node:path";
import type { ImagePin } from "../../providers/provider.ts";
import { checkShares } from "../config/check-shares.ts";
import { expandLab } from "../config/expand.ts";
import { declaredImports } from "../config/imports.ts";
import { LOCK_FILE, readLockFile } from "../config/lock-file.ts";
import { resolveFiles } from "../config/resolve-files.ts";
import { type Expansion, isImageType, type Resource, type SourceFile } from "../config/types.ts";
import { type Diagnostic, problem } from "../diagnostics.ts";
import type { State } from "../state/types.ts";
import type { Workspace } from "../workspace.ts";
import { assemblePlan } from "./assemble-plan.ts";
import { type DecidedLab, decideAll } from "./decide-all.ts";
import type { Decision } from "./decision.ts";
import { expandInput } from "./expand-input.ts";
import { chooseFallbacks } from "./fallback.ts";
import { type FoundMachine, findImports } from "./find-imports.ts";
import { moveState } from "./move-state.ts";
import type { PlanOptions, PlanOutcome } from "./options.ts";
import { type Reality, refresh } from "./refresh.ts";
import type { Step } from "./types.ts";

/** What a plan is made from. */
export interface PlanBasis {
  readonly workspace: Workspace;
  readonly options: PlanOptions;
  /** With the declared moves made. */
  readonly state: State | undefined;
  /** New address → recorded one. */
  readonly moved: ReadonlyMap<string, string>;
  readonly lineage: string;
  readonly sensitiveKey: string;
  readonly reality: Reality;
  /** Machines to take in, by the address that they get. */
  readonly imports: ReadonlyMap<string, FoundMachine>;
  /** By address. */
  readonly pins: Readonly<Record<string, ImagePin>>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A lab's expansion with its files hashed. */
export interface ExpandedLab {
  readonly expansion: Expansion;
  readonly files: readonly SourceFile[];
}

export async function makePlan(
  workspace: Workspace,
  options: PlanOptions,
  signal?: AbortSignal,
): Promise<PlanOutcome> {
  const { effects } = workspace;
  const recorded = await workspace.store.read();
  const {
    state,
    moved,
    diagnostics: taken,
  } = options.mode === "normal"
    ? moveState(workspace.lab, recorded)
    : { state: recorded, moved: new Map<string, string>(), diagnostics: [] };
  const asked = options.mode === "normal" ? [...declaredImports(workspace.lab), ...options.imports] : [];
  const imports = await findImports(workspace, asked, state);
  const refused = [...taken, ...imports.diagnostics];
  if (refused.length > 0) return { diagnostics: refused };
  const basis: PlanBasis = {
    workspace,
    options,
    state,
    moved,
    imports: imports.machines,
    lineage: state?.lineage ?? effects.random.bytes(8).toString("hex"),
    sensitiveKey: state?.sensitiveKey ?? effects.random.bytes(32).toString("hex"),
    reality: await refresh(workspace, state, { refresh: options.refresh, signal }),
    pins: (await readLockFile(effects.files, join(workspace.folder, LOCK_FILE))).pins,
    now: effects.clock.now(),
  };
  const warnings: Diagnostic[] = [];
  // A value that a resource offers only once it exists is unknown while that resource is about to be made anew.
  const unknown = new Set<string>();
  for (;;) {
    const declared = await expand(basis, unknown);
    if (hasErrors(declared.diagnostics)) return { diagnostics: declared.diagnostics };
    const { expanded, notes, ...chosen } = await chooseFallbacks(basis, declared, signal);
    if (hasErrors(chosen.diagnostics))
      return { diagnostics: [...declared.diagnostics, ...chosen.diagnostics] };
    const decided = await decideAll(basis, expanded, signal);
    if (hasErrors(decided.diagnostics))
      return { diagnostics: [...declared.diagnostics, ...decided.diagnostics] };
    const renewed = renewedAndUsed(decided, state, unknown);
    if (renewed.length > 0) {
      for (const address of renewed) unknown.add(address);
      continue;
    }
    warnings.push(...declared.diagnostics, ...chosen.diagnostics, ...decided.diagnostics);
    const settled = withOutputsLater(basis, expanded, decided, unknown);
    if (options.mode === "normal") warnings.push(...settled.expansion.checks.failed);
    if (hasErrors(warnings)) return { diagnostics: warnings };
    const { plan, diagnostics } = await assemblePlan(basis, settled, decided);
    if (hasErrors(diagnostics)) return { diagnostics: [...warnings, ...diagnostics] };
    return {
      plan: { ...plan, notes: [...notes, ...plan.notes] },
      diagnostics: [...warnings, ...diagnostics],
    };
  }
}

/** Steps after which a machine's live attributes, such as ports that the kernel chose, may be others. */
const RENEWING: ReadonlySet<Step> = new Set(["create", "start", "update"]);

/** Outputs and checks that read a machine which is about to be started or changed wait until that is done. */
function withOutputsLater(
  basis: PlanBasis,
  expanded: ExpandedLab,
  decided: DecidedLab,
  unknown: ReadonlySet<string>,
): ExpandedLab {
  const { expansion } = expanded;
  if (expansion.outputs.length === 0 && basis.workspace.lab.document.checks === undefined) return expanded;
  const moving = decided.items.filter((item) => item.decision.steps.some((step) => RENEWING.has(step)));
  if (moving.length === 0) return expanded;
  const later = expandWithout(basis, new Set([...unknown, ...moving.map((item) => item.address)]));
  const vms = { ...later.values.vms, ...expansion.values.vms };
  return {
    ...expanded,
    expansion: {
      ...expansion,
      outputs: later.outputs,
      checks: later.checks,
      values: { ...later.values, vms },
    },
  };
}

function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

async function expand(
  basis: PlanBasis,
  unknown: ReadonlySet<string>,
): Promise<ExpandedLab & { readonly diagnostics: readonly Diagnostic[] }> {
  const { workspace } = basis;
  const declared = expandWithout(basis, unknown);
  const expansion =
    basis.options.mode === "build"
      ? { ...declared, resources: [...declared.resources, ...(declared.unneeded ?? [])] }
      : declared;
  const resolved = await resolveFiles(workspace.effects, workspace.lab, expansion);
  const { lab, home, effects } = workspace;
  const shares = await checkShares(effects.files, lab, home.root, expansion.resources);
  return {
    expansion: resolved.expansion,
    files: resolved.files,
    diagnostics: [...expansion.diagnostics, ...resolved.diagnostics, ...shares],
  };
}

/** The lab with the live attributes of some resources unknown. */
function expandWithout(
  { workspace, state, lineage, sensitiveKey }: PlanBasis,
  unknown: ReadonlySet<string>,
): Expansion {
  const input = expandInput({ lineage, sensitiveKey, resources: state?.resources ?? {} }, unknown);
  return expandLab(workspace.lab, input);
}

/** Made anew, or with other ports: what others read of it now is not what it will offer. */
function renewsAttributes({ action, attributes }: Decision): boolean {
  return (
    action === "replace" ||
    action === "create" ||
    attributes.some((attribute) => attribute.path[0] === "ports")
  );
}

/** Resources that will be made anew while others read values of the present ones. */
function renewedAndUsed(decided: DecidedLab, state: State | undefined, known: ReadonlySet<string>): string[] {
  const renewed = decided.items.filter((item) => renewsAttributes(item.decision));
  if (renewed.length === 0) return [];
  const used = new Set(decided.items.flatMap((item) => (item.removal ? [] : item.dependsOn)));
  return renewed
    .map((item) => item.address)
    .filter(
      (address) =>
        used.has(address) &&
        !known.has(address) &&
        state?.resources[address] !== undefined &&
        !isImageType(state.resources[address].type),
    );
}

/** The diagnostic for a cycle, with every address on it. */
export function cycleProblem(cycle: readonly string[], resources: readonly Resource[]): Diagnostic {
  const [first = ""] = cycle;
  const declared = resources.find((resource) => resource.address === first);
  return problem({
    code: "plan/cycle",
    address: first,
    summary: `${first} depends on itself`,
    detail: [...cycle, first].join(" → "),
    hint: `Take one of these dependencies away${declared === undefined ? "" : `, for instance in ${declared.origin.file}`}.`,
  });
}
