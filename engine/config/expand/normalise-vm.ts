/** A declared VM's merged settings → VmInputs: evaluated, in bytes and milliseconds. */
import type { Json, JsonObject } from "../../json.ts";
import { mayHoldExpression } from "../expressions/template.ts";
import type { Finding } from "../findings.ts";
import { normaliseValue, type PropertyKind } from "../property-values.ts";
import { defaultsOf } from "../schema.ts";
import { parseDuration } from "../sizes.ts";
import type {
  AttachmentInputs,
  InterfaceInputs,
  OrDeferred,
  ProvisionStep,
  ShareInputs,
  StageTimeouts,
  VmInputs,
} from "../types.ts";
import type { VmDeclaration } from "./declaration.ts";
import type { Evaluator, Site } from "./evaluator.ts";
import { type Base, tableOf, vmSite } from "./lab-values.ts";
import { originInLayers } from "./layers.ts";
import { isSensitive, normaliseSteps, pathInLab, type StepSource, shownAnyway } from "./normalise-steps.ts";

export interface VmSurroundings {
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
  readonly accel: VmInputs["accel"];
  readonly interfaces: readonly InterfaceInputs[];
  readonly volumes: readonly AttachmentInputs[];
  readonly shares: readonly ShareInputs[];
  readonly note: NonNullable<Site["note"]>;
}

export interface NormalisedVm {
  readonly inputs: VmInputs;
  readonly preventDestroy: boolean;
}

const vmDefaults = defaultsOf("Vm");
const snapshotDefaults = defaultsOf("Snapshots");
const timeoutDefaults = defaultsOf("Timeouts");
const usualTimeouts: StageTimeouts = {
  bootMs: usual("boot"),
  loginMs: usual("login"),
  cloudInitMs: usual("cloud_init"),
  stepMs: usual("step"),
  stopMs: usual("stop"),
};
const readyTimeout = defaultsOf("Ready").timeout ?? "5m";

function usual(stage: string): number {
  return parseDuration(timeoutDefaults[stage]) ?? 0;
}

export function normaliseVm(vm: VmDeclaration, base: Base, around: VmSurroundings): NormalisedVm {
  return new Normaliser(vm, base, around).run();
}

class Normaliser {
  readonly #vm: VmDeclaration;
  readonly #base: Base;
  readonly #around: VmSurroundings;
  readonly #settings: JsonObject;

  constructor(vm: VmDeclaration, base: Base, around: VmSurroundings) {
    this.#vm = vm;
    this.#base = base;
    this.#around = around;
    this.#settings = vm.settings;
  }

  run(): NormalisedVm {
    const settings = this.#settings;
    const { image, role } = this.#base;
    const { clone } = this.#vm;
    const ready = tableOf(settings.ready);
    const choice = <T>(key: string): T => (settings[key] ?? vmDefaults[key]) as T;
    const inputs: VmInputs = {
      // A plain property first: an object that begins with a spread takes twice the memory, and there are many VMs.
      on_change: choice("on_change"),
      ...(image === undefined ? {} : { image }),
      ...(role === undefined ? {} : { role }),
      ...(role === undefined || clone !== undefined ? {} : { on_missing_image: choice("on_missing_image") }),
      ...(clone === undefined ? {} : { clone: clone.inputs }),
      cpus: this.#value(choice<Json>("cpus"), "cpus", ["cpus"]),
      memory: this.#value(choice<Json>("memory"), "size", ["memory"]),
      disk: this.#value(choice<Json>("disk"), "size", ["disk"]),
      firmware: choice("firmware"),
      machine: choice("machine"),
      accel: (settings.accel as VmInputs["accel"] | undefined) ?? this.#around.accel,
      power: choice("power"),
      login: this.#login(),
      ...this.#cloudInit(),
      ports: this.#list("ports", "port"),
      ...(this.#around.interfaces.length === 0 ? {} : { networks: this.#around.interfaces }),
      ...(this.#around.volumes.length === 0 ? {} : { volumes: this.#around.volumes }),
      ...(this.#around.shares.length === 0 ? {} : { shares: this.#around.shares }),
      labels: this.#strings("labels"),
      env: this.#strings("env"),
      steps: this.#steps(),
      ...(settings.ready === undefined
        ? {}
        : {
            ready: {
              command: this.#value(ready.command ?? "", "text", ["ready", "command"]),
              timeoutMs: this.#duration(ready.timeout ?? readyTimeout, ["ready", "timeout"]),
            },
          }),
      timeouts: this.#timeouts(),
      ...(settings.snapshots === undefined ? {} : { snapshots: this.#snapshots() }),
    };
    const prevent = tableOf(settings.lifecycle).prevent_destroy;
    return {
      inputs,
      preventDestroy:
        prevent === undefined
          ? false
          : this.#known(prevent, "boolean", ["lifecycle", "prevent_destroy"]) === true,
    };
  }

  #login(): VmInputs["login"] {
    const login = tableOf(this.#settings.login);
    const password =
      login.password === undefined
        ? ""
        : this.#value<string>(login.password, "string", ["login", "password"]);
    const keys = Array.isArray(login.keys) ? login.keys : [];
    const user =
      login.user === undefined ? this.#base.user : this.#value<string>(login.user, "user", ["login", "user"]);
    if (isSensitive(user))
      this.#around.findings.push(shownAnyway("A user's name", this.#stepSource(), ["login", "user"]));
    return {
      user,
      ...(password === "" ? {} : { password }),
      keys: keys.map((key: Json, index) => this.#value<string>(key, "text", ["login", "keys", index])),
    };
  }

  #timeouts(): StageTimeouts {
    if (this.#settings.timeouts === undefined) return usualTimeouts;
    const table = tableOf(this.#settings.timeouts);
    const of = (key: string) => this.#duration(table[key] ?? timeoutDefaults[key] ?? "1m", ["timeouts", key]);
    return {
      bootMs: of("boot"),
      loginMs: of("login"),
      cloudInitMs: of("cloud_init"),
      stepMs: of("step"),
      stopMs: of("stop"),
    };
  }

  #snapshots(): NonNullable<VmInputs["snapshots"]> {
    const { keep = snapshotDefaults.keep, before_replace = false } = tableOf(this.#settings.snapshots);
    return { keep: Number(keep), before_replace: before_replace === true };
  }

  #list(key: "ports", kind: "port"): readonly OrDeferred<string>[] {
    const list = this.#settings[key];
    if (!Array.isArray(list)) return [];
    return list.map((item: Json, index) => this.#value<string>(item, kind, [key, index]));
  }

  #strings(key: "labels" | "env"): Readonly<Record<string, OrDeferred<string>>> {
    const result: Record<string, OrDeferred<string>> = {};
    for (const [name, raw] of Object.entries(tableOf(this.#settings[key]))) {
      result[name] = this.#value<string>(raw, "string", [key, name]);
    }
    return result;
  }

  #cloudInit(): Pick<VmInputs, "cloud_init"> {
    const { cloud_init: raw } = this.#settings;
    const path = raw === undefined ? undefined : pathInLab(this.#stepSource(), raw, ["cloud_init"]);
    return path === undefined ? {} : { cloud_init: { path } };
  }

  #steps(): readonly ProvisionStep[] {
    return normaliseSteps(this.#stepSource());
  }

  #stepSource(): StepSource {
    return {
      table: this.#settings,
      address: `vm.${this.#vm.name}`,
      findings: this.#around.findings,
      originOf: (path) => originInLayers(this.#vm.layers, path),
      text: (raw, kind, path) => this.#value<string>(raw, kind, path),
      known: (raw, path) => {
        const value = this.#known(raw, "text", path);
        return typeof value === "string" ? value : undefined;
      },
    };
  }

  #duration(raw: Json, path: readonly string[]): number {
    const value = this.#known(raw, "duration", path);
    return typeof value === "number" ? value : 0;
  }

  /** What stands for a value that is wrong is never used: a lab with findings of severity error is not planned. */
  #value<T extends string | number>(
    raw: Json,
    kind: Parameters<Evaluator["value"]>[1],
    path: readonly (string | number)[],
  ): OrDeferred<T> {
    // Nearly every setting is plain and right: no site is made for it.
    const plain = plainValue(raw, kind);
    if (plain !== undefined) return plain as T;
    return (this.#around.evaluator.value(raw, kind, this.#site(path)) ?? "") as OrDeferred<T>;
  }

  #known(
    raw: Json,
    kind: Parameters<Evaluator["known"]>[1],
    path: readonly (string | number)[],
  ): Json | undefined {
    return plainValue(raw, kind) ?? this.#around.evaluator.known(raw, kind, this.#site(path));
  }

  #site(path: readonly (string | number)[]): Site {
    return { ...vmSite(this.#vm, path), note: this.#around.note };
  }
}

function plainValue(raw: Json, kind: PropertyKind): Json | undefined {
  if (mayHoldExpression(raw)) return undefined;
  const normalised = normaliseValue(kind, raw);
  return "value" in normalised ? normalised.value : undefined;
}
