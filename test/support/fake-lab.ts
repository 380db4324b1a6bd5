/** A temporary lab on the fake provider: plan it, apply it, disturb it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyPlan, recoverPending } from "../../engine/apply/apply-plan.ts";
import type { ApplyOptions, ApplyOutcome } from "../../engine/apply/options.ts";
import { loadLab } from "../../engine/config/load.ts";
import { DiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import type { Event } from "../../engine/events.ts";
import { homeFrom } from "../../engine/home.ts";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions, type PlanOutcome } from "../../engine/plan/options.ts";
import type { Plan } from "../../engine/plan/types.ts";
import { FileStore } from "../../engine/state/file-store.ts";
import type { State } from "../../engine/state/types.ts";
import type { Workspace } from "../../engine/workspace.ts";
import { fakeProviders } from "../../providers/fake/index.ts";
import { type FakeFaults, type FakeMachine, FakeWorld } from "../../providers/fake/world.ts";

const TOOL = "0.0.0-test";

export class FakeLab {
  readonly folder: string;
  readonly homeFolder: string;
  readonly events: Event[] = [];
  readonly #variables: string[] = [];

  private constructor(root: string, home = join(root, "home")) {
    this.folder = join(root, "lab");
    this.homeFolder = home;
  }

  /** A lab in a new temporary folder. `remove()` takes it away. */
  static async create(toml?: string): Promise<FakeLab> {
    const lab = new FakeLab(await mkdtemp(join(tmpdir(), "vmlab-test-")));
    await mkdir(lab.folder, { recursive: true });
    if (toml !== undefined) await lab.write("lab.toml", toml);
    return lab;
  }

  /** A lab over folders that exist, for child processes. */
  static open(root: string, home?: string): FakeLab {
    return new FakeLab(root, home);
  }

  get root(): string {
    return join(this.folder, "..");
  }

  async write(path: string, content: string): Promise<void> {
    const file = join(this.folder, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, content);
  }

  setVariable(assignment: string): void {
    this.#variables.push(assignment);
  }

  effects(): Effects {
    const effects = nodeEffects();
    return {
      ...effects,
      host: { ...effects.host, env: { ...effects.host.env, VMLAB_HOME: this.homeFolder } },
    };
  }

  async workspace(effects: Effects = this.effects()): Promise<Workspace> {
    const file = join(this.folder, "lab.toml");
    const { lab, diagnostics } = await loadLab(effects, {
      file,
      variables: { assignments: this.#variables, files: [] },
    });
    if (lab === undefined) throw new DiagnosticsError(diagnostics);
    const home = homeFrom({ VMLAB_HOME: this.homeFolder });
    return {
      effects,
      home,
      tool: TOOL,
      folder: this.folder,
      lab,
      store: new FileStore({ effects, folder: join(this.folder, ".vmlab"), tool: TOOL }),
      providers: fakeProviders({ effects, home }),
      events: (event) => this.events.push(event),
    };
  }

  async outcome(options: Partial<PlanOptions> = {}): Promise<PlanOutcome> {
    return makePlan(await this.workspace(), { ...DEFAULT_PLAN_OPTIONS, ...options });
  }

  async plan(options: Partial<PlanOptions> = {}): Promise<Plan> {
    const outcome = await this.outcome(options);
    if (outcome.plan === undefined) throw new DiagnosticsError(outcome.diagnostics);
    return outcome.plan;
  }

  /** Recovers, plans and applies, as the command does. */
  async apply(
    options: Partial<PlanOptions> = {},
    apply: Partial<ApplyOptions> = {},
    effects?: Effects,
  ): Promise<ApplyOutcome> {
    const workspace = await this.workspace(effects);
    const settings: ApplyOptions = {
      command: "apply",
      parallelism: 10,
      lockTimeoutMs: 0,
      graceful: new AbortController().signal,
      hard: new AbortController().signal,
      sensitiveVariables: sensitiveOf(workspace),
      ...apply,
    };
    await recoverPending(workspace, settings);
    const outcome = await makePlan(workspace, { ...DEFAULT_PLAN_OPTIONS, ...options });
    if (outcome.plan === undefined) throw new DiagnosticsError(outcome.diagnostics);
    return applyPlan(workspace, outcome.plan, settings);
  }

  async state(): Promise<State | undefined> {
    return (await this.workspace()).store.read();
  }

  async world(): Promise<FakeWorld> {
    return new FakeWorld(this.effects(), homeFrom({ VMLAB_HOME: this.homeFolder }));
  }

  /** Machines that exist (not absent, not in the trash), by name. */
  async machines(): Promise<FakeMachine[]> {
    const machines = await (await this.world()).machines();
    return [...machines.values()].filter(
      (machine) => machine.state !== "absent" && machine.state !== "trash",
    );
  }

  async machine(name: string): Promise<FakeMachine> {
    const found = (await this.machines()).filter((machine) => machine.name === name);
    if (found.length !== 1 || found[0] === undefined)
      throw new Error(`${found.length} machines are called ${name}`);
    return found[0];
  }

  /** Changes a pretend machine behind vmlab's back. */
  async disturb(name: string, fields: Partial<FakeMachine>): Promise<void> {
    await (await this.world()).put({ ...(await this.machine(name)), ...fields });
  }

  async faults(faults: FakeFaults): Promise<void> {
    await mkdir(join(this.homeFolder, "fake"), { recursive: true });
    await writeFile(join(this.homeFolder, "fake", "faults.json"), JSON.stringify(faults));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

export function sensitiveOf(workspace: Workspace): ApplyOptions["sensitiveVariables"] {
  return Object.fromEntries(
    Object.entries(workspace.lab.variables)
      .filter(([, variable]) => variable.sensitive)
      .map(([name, variable]) => [name, variable.value]),
  );
}
