import { expandLab } from "../../engine/config/expand.ts";
import { nameHint } from "../../engine/config/nearest-name.ts";
import { isImageType, type Lab, type Resource } from "../../engine/config/types.ts";
import { fail } from "../../engine/diagnostics.ts";
import { globPattern } from "../../engine/graph/select.ts";
import { makePlan } from "../../engine/plan/make-plan.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../engine/plan/options.ts";
import { planned } from "../apply-run.ts";
import { carryOut } from "../commands/apply.ts";
import { requireYesForJson } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { runReporter } from "../run-reporter.ts";
import { openWorkspace } from "../workspace.ts";
import type { BuildOptions } from "./build.ts";

/** Plans the builds and carries them out. Resolves with the exit code. */
export async function buildCommand(
  context: CommandContext,
  names: readonly string[],
  options: BuildOptions,
): Promise<number> {
  if (options.detach === true && options.keepOnFailure === true) {
    fail({
      code: "cli/usage",
      summary: "--detach and --keep-on-failure contradict each other",
      hint: "A machine is kept for somebody who is there to look at it. Build without --detach.",
    });
  }
  const json = options.json === true;
  const reporter = runReporter(context, { json });
  const workspace = await openWorkspace(context, options, reporter.events, {
    keepOnFailure: options.keepOnFailure === true,
  });
  const targets = chosen(workspace.lab, names);
  const { parallelism, upgrade } = options;
  const plan = await planned(context, reporter, (signal) =>
    makePlan(
      workspace,
      {
        ...DEFAULT_PLAN_OPTIONS,
        mode: "build",
        targets,
        replace: options.replace === true ? targets : [],
        upgrade: upgrade === undefined ? "none" : upgrade === true ? "all" : upgrade,
        parallelism,
      },
      signal,
    ),
  );
  const { detach, var: variables, varFile } = options;
  const run = {
    yes: true,
    json,
    detach: detach === true,
    parallelism,
    lockTimeout: 0,
    verb: "images build",
    question: "",
    ...(variables === undefined ? {} : { var: variables }),
    ...(varFile === undefined ? {} : { varFile }),
  };
  requireYesForJson(run);
  return await carryOut(context, reporter, workspace, plan, run);
}

/** Addresses of the images that names mean; without names, of everything that is built. */
function chosen(lab: Lab, names: readonly string[]): string[] {
  const { resources, unneeded = [] } = expandLab(lab);
  const images = [...resources, ...unneeded].filter(({ type }) => isImageType(type));
  if (names.length > 0) return names.flatMap((name) => addressesOf(name, images));
  const built = images.filter((image) => "build" in image.inputs && image.inputs.build !== undefined);
  if (built.length > 0) return built.map(({ address }) => address);
  return fail({
    code: "image/nothing-to-build",
    summary: "this lab has no roles and no custom images",
    hint: 'Declare one, such as [roles] docker = { use = "docker" }. Base images are obtained by `vmlab apply`.',
  });
}

/** The one address that a name means. */
export function oneAddress(name: string, images: readonly Resource[]): string {
  const [address, ...others] = addressesOf(name, images);
  if (address !== undefined && others.length === 0) return address;
  return fail({
    code: "image/ambiguous-name",
    summary: `"${name}" means ${others.length + 1} images`,
    hint: "Name one of them.",
  });
}

function addressesOf(name: string, images: readonly Resource[]): string[] {
  const glob = globPattern(name);
  const found = images.filter((image) => glob.test(image.address) || glob.test(image.name));
  if (found.length > 1 && !name.includes("*")) {
    const addresses = found.map(({ address }) => address).join(" and ");
    fail({
      code: "image/ambiguous-name",
      summary: `"${name}" is the name of ${addresses}`,
      hint: "Write the address.",
    });
  }
  if (found.length > 0) return found.map(({ address }) => address);
  const hint = nameHint(
    name,
    images.map((image) => image.name),
    "images and roles",
  );
  return fail({
    code: "image/not-declared",
    summary: `lab.toml declares no image or role "${name}"`,
    ...(hint === undefined ? {} : { hint }),
  });
}
