/** What a user can ask of a plan. */
import type { Import } from "../config/imports.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { Plan } from "./types.ts";

export interface PlanOptions {
  /** build: the targets are images and roles, which are made whether or not a VM needs them. */
  readonly mode: "normal" | "destroy" | "refresh-only" | "build";
  /** Addresses, globs (`vm.k8s-*`) and `environment.NAME`: only these and what they depend on. */
  readonly targets: readonly string[];
  /** These and what depends on them are left out. */
  readonly excludes: readonly string[];
  /** Machines to take in, beside those that lab.toml names. */
  readonly imports: readonly Import[];
  /** Replace these even though nothing asks for it. */
  readonly replace: readonly string[];
  /** Look again at what vmlab.lock pins: `all`, or addresses. */
  readonly upgrade: "none" | "all" | readonly string[];
  /** Refuse every change of vmlab.lock. */
  readonly frozen: boolean;
  /** Ask providers what really exists. */
  readonly refresh: boolean;
  readonly cleanup: boolean;
  /** Most operations at a time, over all providers; for the estimate. */
  readonly parallelism: number;
}

export const DEFAULT_PLAN_OPTIONS: PlanOptions = {
  mode: "normal",
  targets: [],
  excludes: [],
  imports: [],
  replace: [],
  upgrade: "none",
  frozen: false,
  refresh: true,
  cleanup: false,
  parallelism: 10,
};

/** `plan` is absent when diagnostics hold an error. */
export interface PlanOutcome {
  readonly plan?: Plan;
  readonly diagnostics: readonly Diagnostic[];
}
