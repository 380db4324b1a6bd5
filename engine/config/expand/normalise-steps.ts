/** `files`, `scripts` and `run` of a VM, a role or a custom image → provisioning steps. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { explainPathProblem, labRelative } from "../lab-paths.ts";
import { defaultsOf } from "../schema.ts";
import type { OrDeferred, Origin, ProvisionStep } from "../types.ts";

type Path = readonly (string | number)[];

/** The values of one table's steps. */
export interface StepSource {
  readonly table: JsonObject;
  readonly address: string;
  readonly findings: Finding[];
  /** Where the value at a path of the table was written. */
  originOf(path: Path): Origin;
  /** A text of the guest's side: it may be known only later where the source allows that. */
  text(raw: Json, kind: "text" | "string" | "guest-path", path: Path): OrDeferred<string>;
  /** A text that has to be known when planning; undefined when a finding was made. */
  known(raw: Json, path: Path): string | undefined;
}

const fileDefaults = defaultsOf("GuestFile");

export function normaliseSteps(source: StepSource): ProvisionStep[] {
  const { table } = source;
  const steps: ProvisionStep[] = [];
  for (const [index, file] of listOf(table.files).entries()) {
    if (isJsonObject(file)) steps.push(...fileStep(source, file, ["files", index]));
  }
  for (const [index, script] of listOf(table.scripts).entries()) {
    const path = pathInLab(source, script, ["scripts", index]);
    if (path !== undefined) steps.push({ kind: "script", path });
  }
  for (const [index, command] of listOf(table.run).entries())
    steps.push({ kind: "run", command: source.text(command, "text", ["run", index]) });
  return steps;
}

/** A path as written, as one relative to the lab's folder; undefined when a finding was made. */
export function pathInLab(
  source: Pick<StepSource, "known" | "originOf" | "findings">,
  raw: Json,
  path: Path,
): string | undefined {
  const value = source.known(raw, path);
  if (value === undefined) return undefined;
  const target = labRelative(source.originOf(path).file, value);
  if ("path" in target) return target.path;
  source.findings.push({
    code: "config/path-outside",
    summary: `${value} is outside of the lab's folder`,
    ...explainPathProblem(target.problem),
    origin: source.originOf(path),
  });
  return undefined;
}

function fileStep(source: StepSource, file: JsonObject, path: Path): ProvisionStep[] {
  if ((file.from === undefined) === (file.content === undefined)) {
    const both = file.from !== undefined;
    source.findings.push({
      code: "config/file-source",
      summary: both
        ? "A file comes from another file or has content, not both"
        : "A file needs from or content",
      origin: source.originOf(path),
      address: source.address,
      hint: both ? "Keep one of from and content." : 'Add from = "PATH" or content = "TEXT".',
    });
    return [];
  }
  const to = source.text(file.to ?? "", "guest-path", [...path, "to"]);
  if (isSensitive(to)) source.findings.push(shownAnyway("A path", source, [...path, "to"]));
  const mode = String(file.mode ?? fileDefaults.mode);
  const owner = String(file.owner ?? fileDefaults.owner);
  if (file.from === undefined) {
    const content = source.text(file.content ?? "", "string", [...path, "content"]);
    return [{ kind: "file", to, mode, owner, content }];
  }
  const from = pathInLab(source, file.from, [...path, "from"]);
  return from === undefined ? [] : [{ kind: "file", to, mode, owner, from }];
}

/** A value that the engine keeps as its expression because it comes from a secret. */
export function isSensitive(value: OrDeferred<string>): boolean {
  return typeof value === "object" && value.sensitive;
}

/** A finding: what ends up in arguments of programs and in logs is no place for a secret. */
export function shownAnyway(
  what: string,
  source: Pick<StepSource, "originOf" | "address">,
  path: Path,
): Finding {
  return {
    code: "config/secret-shown",
    summary: `${what} cannot be computed from a secret`,
    detail: "Programs take it as an argument, which everybody on the host or in the guest can read.",
    origin: source.originOf(path),
    address: source.address,
    hint: "Use a plain value, or a variable that is not sensitive.",
  };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
