/** The steps of a recipe as shell scripts, and the files that these use in the guest. Pure. */
import { describeStep } from "../../engine/config/describe-step.ts";
import type { OrDeferred, ProvisionStep } from "../../engine/config/types.ts";
import { shellQuote } from "../../engine/shell-words.ts";
import { interpreterOf } from "../qemu/provision.ts";
import { BUILD_FILES, GUEST_FOLDER } from "./template.ts";

/** A script that the build's machine runs as root with sh. */
export interface BuildScript {
  /** In the build's folder. */
  readonly path: string;
  /** What it does, for people. */
  readonly label: string;
  readonly text: string;
}

/** A file that is there for one step; gone from the image. */
export interface PayloadFile {
  /** In the build's folder. */
  readonly path: string;
  readonly content: Buffer;
}

export interface BuildScripts {
  /** Preparing, each step, sealing. */
  readonly scripts: readonly BuildScript[];
  readonly payload: readonly PayloadFile[];
}

/** A step with the bytes that it names; packages have none. */
export interface StepContent {
  readonly step: ProvisionStep;
  readonly content?: Buffer;
}

export function buildScripts(
  steps: readonly StepContent[],
  frame: { readonly prepare: string; readonly seal: string },
): BuildScripts {
  const width = String(steps.length + 1).length;
  const number = (index: number): string => String(index).padStart(Math.max(2, width), "0");
  const path = (index: number, name: string): string => `${BUILD_FILES.steps}/${number(index)}-${name}.sh`;
  const payload: PayloadFile[] = [];
  const scripts: BuildScript[] = [{ path: path(0, "prepare"), label: "preparing", text: frame.prepare }];
  for (const [index, { step, content }] of steps.entries()) {
    const name = number(index + 1);
    if (content !== undefined) payload.push({ path: `${BUILD_FILES.payload}/${name}`, content });
    const label = describeStep(step);
    const lines = stepLines(step, `${GUEST_FOLDER}/${name}`, content);
    scripts.push({ path: path(index + 1, step.kind), label, text: scriptText(label, lines) });
  }
  scripts.push({ path: path(steps.length + 1, "seal"), label: "sealing", text: frame.seal });
  return { scripts, payload };
}

function scriptText(label: string, lines: readonly string[]): string {
  return `${[
    "#!/bin/sh",
    `# ${label.replace(/[\r\n]/g, " ")}`,
    "set -eu",
    "umask 022",
    "cd /",
    "export DEBIAN_FRONTEND=noninteractive",
    ...lines,
  ].join("\n")}\n`;
}

function stepLines(step: ProvisionStep, file: string, content: Buffer | undefined): readonly string[] {
  switch (step.kind) {
    case "packages":
      return packagesLines(step.names);
    case "file":
      return fileLines(known(step.to), step.mode, step.owner, file);
    case "catalogue-script":
      return [
        ...Object.entries(step.env).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
        ...runLines(file, content),
      ];
    case "script":
    case "run":
      return runLines(file, content);
  }
}

/** Package lists are read when there are none yet, or the sources changed since. */
function packagesLines(names: readonly string[]): readonly string[] {
  const stamp = `${GUEST_FOLDER}/lists-read`;
  return [
    `if [ ! -e ${stamp} ] || [ -n "$(find /etc/apt -newer ${stamp} -type f)" ]; then`,
    "  apt-get -q update",
    `  touch ${stamp}`,
    "fi",
    `apt-get -q -y --no-install-recommends install -- ${names.map(shellQuote).join(" ")}`,
  ];
}

/** The file appears whole or not at all. */
function fileLines(to: string, mode: string, owner: string, file: string): readonly string[] {
  return [
    `to=${shellQuote(to)}`,
    'folder=$(dirname "$to")',
    '[ -d "$folder" ] || mkdir -p "$folder"',
    'if [ -d "$to" ]; then echo "$to is a folder" >&2; exit 1; fi',
    'new=$(mktemp "$folder/.vmlab.XXXXXX")',
    "trap 'rm -f \"$new\"' EXIT",
    `cat ${file} >"$new"`,
    `chmod ${shellQuote(mode)} "$new"`,
    `chown ${shellQuote(owner)} "$new"`,
    'mv -f "$new" "$to"',
  ];
}

/** Through its interpreter, so that the file needs no mode and its folder may be noexec. */
function runLines(file: string, content: Buffer | undefined): readonly string[] {
  const words = [...interpreterOf(content ?? Buffer.alloc(0)), file].map(shellQuote);
  return [`exec ${words.join(" ")} </dev/null`];
}

/** Recipes hold nothing that is known only at apply: the configuration refuses it. */
export function known(value: OrDeferred<string>): string {
  if (typeof value === "string") return value;
  throw new Error(`a recipe has a value that is not known: ${JSON.stringify(value)}`);
}
