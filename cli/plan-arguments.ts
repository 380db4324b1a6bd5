/** The options of plan, apply and destroy, and what they ask of the engine. */
import { type Command, InvalidArgumentError, Option } from "commander";

import { fail } from "../engine/diagnostics.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../engine/plan/options.ts";
import { parseDuration } from "../engine/units.ts";
import { repeated, several } from "./define-command.ts";
import { OPTION_GROUPS } from "./help-page.ts";
import type { GivenVariables } from "./workspace.ts";

export interface PlanArguments extends GivenVariables {
  readonly target?: readonly string[];
  readonly exclude?: readonly string[];
  readonly env?: readonly string[];
  readonly replace?: readonly string[];
  readonly refreshOnly?: boolean;
  /** `false` from --no-refresh, `"false"` from --refresh=false. */
  readonly refresh?: boolean | string;
  readonly destroy?: boolean;
  readonly parallelism: number;
  readonly upgrade?: true | readonly string[];
  readonly frozen?: boolean;
  readonly lockTimeout: number;
  readonly cleanup?: boolean;
  readonly details?: boolean;
  readonly why?: string;
  readonly json?: boolean;
}

/** For every command that reads lab.toml. */
export function addVariableOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--var <name=value>", "set a variable (repeatable)")
        .argParser(repeated)
        .helpGroup(OPTION_GROUPS.variables),
    )
    .addOption(
      new Option("--var-file <file>", "set variables from a TOML file (repeatable)")
        .argParser(repeated)
        .helpGroup(OPTION_GROUPS.variables),
    );
}

export function addPlanOptions(command: Command, verb: "plan" | "apply" | "destroy"): Command {
  command
    .option(
      "-t, --target <address>",
      "only this and what it depends on: an address or glob such as vm.web, vm.k8s-* (repeatable)",
      several,
    )
    .option("--exclude <address>", "leave this and what depends on it out (repeatable)", several)
    .option("--env <name>", "only the VMs of this environment and what they depend on (repeatable)", several);
  if (verb !== "destroy") {
    command
      .option("--replace <address>", "replace this even though nothing asks for it (repeatable)", several)
      .option("--refresh-only", "only bring the state up to date with what exists")
      .option(
        "--upgrade [address]",
        "look again at what vmlab.lock pins: everything, or one address (repeatable)",
        several,
      )
      .option("--frozen", "refuse every change of vmlab.lock");
  }
  if (verb === "plan") command.option("--destroy", "plan to delete everything");
  if (verb !== "plan") {
    command
      .option("-y, --yes", "do not ask")
      .addOption(new Option("--auto-approve", "the same as --yes"))
      .option("--lock-timeout <duration>", "wait this long while another vmlab holds the lock", duration, 0);
  }
  addVariableOptions(command);
  command
    .addOption(new Option("--refresh [bool]", "ask what really exists").hideHelp())
    .option("--no-refresh", "trust the state instead of asking what really exists (also --refresh=false)")
    .option(
      "--parallelism <n>",
      "most operations at a time",
      positiveInteger,
      DEFAULT_PLAN_OPTIONS.parallelism,
    );
  if (verb !== "destroy") {
    command.option("--cleanup", "remove a new VM that never gets ready instead of keeping it for a look");
  }
  return command
    .option("--details", "list the attributes of each change")
    .option("--why <address>", "explain the whole chain of causes of one change")
    .option(
      "--json",
      verb === "plan"
        ? "print the plan in Terraform's JSON format"
        : "print events as JSON, one a line (needs --yes)",
    );
}

/** What the engine is asked for. Options that contradict each other are refused. */
export function planOptions(given: PlanArguments, mode?: PlanOptions["mode"]): PlanOptions {
  const asked =
    mode ?? (given.destroy === true ? "destroy" : given.refreshOnly === true ? "refresh-only" : "normal");
  const refresh = given.refresh !== false && given.refresh !== "false";
  if (given.destroy === true && given.refreshOnly === true) contradiction("--destroy", "--refresh-only");
  if (asked === "refresh-only" && !refresh) contradiction("--refresh-only", "--refresh=false");
  if (given.frozen === true && given.upgrade !== undefined) contradiction("--frozen", "--upgrade");
  if (given.refresh !== undefined && !["true", "false", true, false].includes(given.refresh)) {
    fail({ code: "cli/usage", summary: `--refresh takes true or false, not "${given.refresh}"` });
  }
  return {
    mode: asked,
    targets: [...(given.target ?? []), ...(given.env ?? []).map((name) => `environment.${name}`)],
    excludes: given.exclude ?? [],
    imports: [],
    replace: given.replace ?? [],
    upgrade: given.upgrade === undefined ? "none" : given.upgrade === true ? "all" : given.upgrade,
    frozen: given.frozen === true,
    refresh,
    cleanup: given.cleanup === true,
    parallelism: given.parallelism,
  };
}

/** For commander: a duration such as 30s, in milliseconds. */
export function duration(text: string): number {
  const ms = text === "0" ? 0 : parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It takes a duration such as "30s", "5m" or "1h30m".');
  return ms;
}

/** For commander: a whole number from 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError("It takes a whole number from 1.");
  return value;
}

function contradiction(one: string, other: string): never {
  fail({
    code: "cli/usage",
    summary: `${one} and ${other} contradict each other`,
    hint: "Leave one of them out.",
  });
}
