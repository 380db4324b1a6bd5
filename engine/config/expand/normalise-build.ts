/** The recipe of a role or a custom image → BuildInputs. Nothing in it may be secret or known only later. */
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { type CatalogueRole, catalogue, catalogueSteps, checkOptions } from "../catalogue.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { PropertyKind } from "../property-values.ts";
import { defaultsOf } from "../schema.ts";
import type { BuildInputs, ImageInputs, Origin, ProvisionStep } from "../types.ts";
import type { Evaluator } from "./evaluator.ts";
import { normaliseSteps, pathInLab, type StepSource } from "./normalise-steps.ts";

type Path = readonly (string | number)[];

export interface BuildDeclaration {
  readonly address: string;
  readonly table: JsonObject;
  readonly origin: Origin;
  /** What it is built on. */
  readonly parent: { readonly address: string; readonly inputs: ImageInputs };
}

export interface BuildSurroundings {
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
}

const roleDefaults = defaultsOf("Role");

/** Undefined when a finding was made that leaves no recipe. */
export function normaliseBuild(
  declaration: BuildDeclaration,
  around: BuildSurroundings,
): ImageInputs | undefined {
  const { address, table, parent } = declaration;
  const source = stepSource(declaration, around);
  const from = catalogueRecipe(declaration, around);
  if (from === undefined) return undefined;
  const packages = listOf(table.packages).filter((name): name is string => typeof name === "string");
  const verify = listOf(table.verify).flatMap(
    (command, index) => source.known(command, ["verify", index]) ?? [],
  );
  const size = (key: "disk" | "memory") =>
    Number(known(declaration, around, table[key] ?? roleDefaults[key] ?? 0, "size", [key]) ?? 0);
  const packer = table.packer === undefined ? undefined : pathInLab(source, table.packer, ["packer"]);
  const own: ProvisionStep[] = [
    ...(packages.length === 0 ? [] : [{ kind: "packages" as const, names: packages }]),
    ...normaliseSteps(source),
  ];
  const build: BuildInputs = {
    parent: parent.address,
    ...(from.role === undefined ? {} : { use: from.role.name }),
    options: from.options,
    requires: [...new Set([...(parent.inputs.build?.requires ?? []), ...(from.role?.requires ?? [])])],
    steps: [...from.steps, ...own],
    verify: [...from.verify, ...verify],
    disk: Math.max(table.disk === undefined ? from.disk : 0, size("disk")),
    cpus: Number(table.cpus ?? roleDefaults.cpus),
    memory: Math.max(table.memory === undefined ? from.memory : 0, size("memory")),
    timeoutMs: Number(
      known(declaration, around, table.timeout ?? roleDefaults.timeout ?? "2h", "duration", ["timeout"]) ?? 0,
    ),
    ...(packer === undefined ? {} : { packer: { path: packer } }),
  };
  if (from.role === undefined && own.length === 0 && packer === undefined) {
    around.findings.push({
      code: "config/empty-recipe",
      summary: `${address} says what it is built on, but not what is done there`,
      origin: declaration.origin,
      spot: { part: "key" },
      address,
      hint: address.startsWith("role.")
        ? `Add use = "docker" (or another role of the catalogue: ${Object.keys(catalogue).join(", ")}), packages, files, scripts or run.`
        : "Add packages, files, scripts or run, or let the VM stand on the image below directly.",
    });
  }
  const user = typeof table.user === "string" ? table.user : parent.inputs.user;
  return {
    source: "build",
    build,
    ...(parent.inputs.os === undefined ? {} : { os: parent.inputs.os }),
    user,
  };
}

interface CatalogueRecipe {
  readonly role?: CatalogueRole;
  readonly options: Readonly<Record<string, string>>;
  readonly steps: readonly ProvisionStep[];
  readonly verify: readonly string[];
  readonly disk: number;
  readonly memory: number;
}

const OWN_RECIPE: CatalogueRecipe = { options: {}, steps: [], verify: [], disk: 0, memory: 0 };

/** What `use` and `options` bring in; undefined when a finding was made. */
function catalogueRecipe(
  declaration: BuildDeclaration,
  around: BuildSurroundings,
): CatalogueRecipe | undefined {
  const { address, table, origin, parent } = declaration;
  const at = (...path: string[]): Origin => ({ ...origin, path: [...origin.path, ...path] });
  if (typeof table.use !== "string") {
    if (table.options === undefined) return OWN_RECIPE;
    around.findings.push({
      code: "config/options-without-use",
      summary: `${address} has options, but uses no role of the catalogue`,
      origin: at("options"),
      spot: { part: "key" },
      address,
      hint: `Add use = "NAME" (${Object.keys(catalogue).join(", ")}), or take the options out.`,
    });
    return undefined;
  }
  const role = Object.hasOwn(catalogue, table.use) ? catalogue[table.use] : undefined;
  if (role === undefined) {
    const hint = nameHint(table.use, Object.keys(catalogue), "roles of the catalogue");
    around.findings.push({
      code: "config/unknown-catalogue-role",
      summary: `The catalogue has no role "${table.use}"`,
      origin: at("use"),
      address,
      ...(hint === undefined ? {} : { hint }),
    });
    return undefined;
  }
  const { os } = parent.inputs;
  if (os === undefined || role.on[os] === undefined) {
    const supported = Object.keys(role.on).join(", ");
    around.findings.push({
      code: os === undefined ? "config/unknown-os" : "config/unsupported-os",
      summary:
        os === undefined
          ? `${address} uses the catalogue's "${role.name}", and nothing says which distribution ${parent.address} is`
          : `The catalogue's role "${role.name}" is not made for ${os}`,
      detail: `It is made for ${supported}.`,
      origin: at("use"),
      address,
      hint:
        os === undefined
          ? `Add os = "debian-12" or what it is to the base image below.`
          : "Build it on an image of one of these, or write the role with packages and scripts of your own.",
    });
    return undefined;
  }
  const given: Record<string, string> = {};
  for (const [key, raw] of Object.entries(isJsonObject(table.options) ? table.options : {})) {
    const value = known(declaration, around, raw, "string", ["options", key]);
    if (typeof value !== "string") return undefined;
    given[key] = value;
  }
  const checked = checkOptions(role, given, os);
  if ("problem" in checked) {
    around.findings.push({
      code: "config/bad-option",
      summary: checked.problem.message,
      origin: at("options", checked.problem.key),
      address,
      hint: checked.problem.hint,
    });
    return undefined;
  }
  return { role, options: checked.options, ...catalogueSteps(role, os, checked.options) };
}

function stepSource(declaration: BuildDeclaration, around: BuildSurroundings): StepSource {
  const { table, address, origin } = declaration;
  const text = (raw: Json, kind: PropertyKind, path: Path): string | undefined => {
    const value = known(declaration, around, raw, kind, path);
    return typeof value === "string" ? value : undefined;
  };
  return {
    table,
    address,
    findings: around.findings,
    originOf: (path) => ({ ...origin, path: [...origin.path, ...path] }),
    // What is wrong is never used: a lab with findings of severity error is not planned.
    text: (raw, kind, path) => text(raw, kind, path) ?? "",
    known: (raw, path) => text(raw, "text", path),
  };
}

function known(
  { address, origin }: BuildDeclaration,
  { evaluator }: BuildSurroundings,
  raw: Json,
  kind: PropertyKind,
  path: Path,
): Json | undefined {
  return evaluator.known(raw, kind, {
    scope: {},
    scopeId: "lab",
    name: path.join("."),
    address,
    origin: () => ({ ...origin, path: [...origin.path, ...path] }),
    onlyVars: true,
  });
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
