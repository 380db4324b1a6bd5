/** `[images.X]` → ImageInputs. */
import { isAbsolute } from "node:path";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { explainPathProblem, labRelative } from "../lab-paths.ts";
import { definition } from "../schema.ts";
import { parseSize } from "../sizes.ts";
import type { ImageInputs, Origin } from "../types.ts";
import type { Evaluator } from "./evaluator.ts";
import { inferOs } from "./infer-os.ts";

const SOURCES = ["url", "path", "bootstrap", "digest"] as const;

/** Keys of a custom image that mean nothing for a base image. */
const RECIPE_KEYS: ReadonlySet<string> = new Set([
  "packages",
  "files",
  "scripts",
  "run",
  "verify",
  "disk",
  "cpus",
  "memory",
  "timeout",
  "packer",
]);

/** Undefined when a finding was made that leaves no image. */
export function normaliseImage(
  name: string,
  table: JsonObject,
  origin: Origin,
  evaluator: Evaluator,
  findings: Finding[],
): ImageInputs | undefined {
  const address = `image.${name}`;
  const at = (...keys: (string | number)[]): Origin => ({ ...origin, path: [...origin.path, ...keys] });
  /** Strings may hold expressions, of variables that are not sensitive. */
  const evaluated = (value: Json, path: readonly (string | number)[]): Json => {
    if (typeof value === "string") {
      const site = {
        scope: {},
        scopeId: "lab",
        name: path.join("."),
        address,
        origin: () => at(...path),
        onlyVars: true,
      };
      return evaluator.known(value, "string", site) ?? "";
    }
    if (Array.isArray(value)) return value.map((item: Json, index) => evaluated(item, [...path, index]));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, evaluated(inner, [...path, key])]),
    );
  };
  const recipe = Object.keys(table).find((key) => RECIPE_KEYS.has(key));
  if (recipe !== undefined) {
    findings.push({
      code: "config/recipe-on-base",
      summary: `The image "${name}" is a base image, and ${recipe} belongs to a custom image`,
      detail:
        "A base image is what a distribution made. What is done to it makes another image, built on it.",
      origin: at(recipe),
      spot: { part: "key" },
      address,
      hint: `Add [images.NAME] with image = "${name}" and this ${recipe}.`,
    });
    return undefined;
  }
  const image = evaluated(table, []) as JsonObject;
  const sources = SOURCES.filter((source) => image[source] !== undefined);
  const [source, second] = sources;
  if (source === undefined) {
    findings.push({
      code: "config/no-image-source",
      summary: `The image "${name}" does not say where it comes from`,
      origin,
      spot: { part: "key" },
      address,
      hint: 'Add one of url, path, bootstrap and digest (a base image), or image or role (a custom image), such as bootstrap = { distribution = "debian", suite = "bookworm" }.',
    });
    return undefined;
  }
  if (second !== undefined) {
    findings.push({
      code: "config/image-sources",
      summary: `The image "${name}" comes from ${sources.join(" and ")}`,
      detail: "An image has exactly one source.",
      origin: at(second),
      spot: { part: "key" },
      related: [{ message: "the other source", origin: at(source), spot: { part: "key" } }],
      address,
      hint: "Keep one of them.",
    });
    return undefined;
  }
  if (image.checksum !== undefined && source !== "url" && source !== "path") {
    findings.push({
      code: "config/checksum-without-file",
      summary: `The image "${name}" has a checksum but no file that it could be of`,
      origin: at("checksum"),
      spot: { part: "key" },
      address,
      hint: "A checksum belongs to url or path.",
    });
  }
  const inputs: Record<string, Json> = { source };
  for (const key of ["url", "checksum", "digest"] as const) {
    const value = image[key];
    if (value !== undefined) inputs[key] = value;
  }
  if (typeof image.path === "string") {
    const path = imagePath(image.path, origin.file);
    if ("problem" in path) {
      findings.push({
        code: "config/path-outside",
        summary: `${image.path} is outside of the lab's folder`,
        ...explainPathProblem(path.problem),
        origin: at("path"),
        address,
        hint: "Write the absolute path, or put the file into the lab's folder.",
      });
    } else inputs.path = path.path;
  }
  if (isJsonObject(image.bootstrap)) {
    const { distribution, suite, mirror, packages, size } = image.bootstrap;
    inputs.bootstrap = {
      distribution: distribution ?? "debian",
      suite: suite ?? "",
      ...(mirror === undefined ? {} : { mirror }),
      packages: packages ?? [],
      size: parseSize(size ?? definition("Bootstrap").properties?.size?.default) ?? 0,
    };
    if (inputs.bootstrap.size === 0) {
      findings.push({
        code: "config/bad-value",
        summary: `bootstrap.size cannot be ${JSON.stringify(size)}`,
        origin: at("bootstrap", "size"),
        address,
      });
    }
  }
  if (typeof image.archive === "string") {
    if (source === "digest") {
      const path = /^https?:/.test(image.archive)
        ? { path: image.archive }
        : imagePath(image.archive, origin.file);
      if ("path" in path) inputs.archive = path.path;
      else {
        findings.push({
          code: "config/path-outside",
          summary: `${image.archive} is outside of the lab's folder`,
          ...explainPathProblem(path.problem),
          origin: at("archive"),
          address,
          hint: "Write the absolute path, or put the archive into the lab's folder.",
        });
      }
    } else {
      findings.push({
        code: "config/archive-without-digest",
        summary: `The image "${name}" has an archive and no digest`,
        origin: at("archive"),
        spot: { part: "key" },
        address,
        hint: "An archive holds the image that a digest names: add the digest that `vmlab images export` printed.",
      });
    }
  }
  const os = image.os ?? inferOs(inputs as unknown as ImageInputs);
  if (os !== undefined) inputs.os = os;
  inputs.user = image.user ?? String(definition("Image").properties?.user?.default);
  return inputs as unknown as ImageInputs;
}

function imagePath(path: string, file: string): ReturnType<typeof labRelative> {
  return isAbsolute(path) ? { path } : labRelative(file, path);
}
