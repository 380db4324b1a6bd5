import { describe, expect, test } from "@jest/globals";
import { catalogue, catalogueSteps } from "../../../engine/config/catalogue.ts";
import type { BuildInputs, ImageInputs } from "../../../engine/config/types.ts";
import { buildKey, currentVersions, pinnedVersions, pinSource } from "../../../providers/packer/build-key.ts";
import { recipe } from "./recipes.ts";

const inputs = (build: Partial<BuildInputs> = {}, os = "debian-12"): ImageInputs => ({
  source: "build",
  user: "debian",
  os,
  build: recipe(build),
});
const key = (build: Partial<BuildInputs> = {}, parent = "p", recipeVersion = 1) =>
  buildKey(inputs(build), parent, { recipe: recipeVersion });
const script = (path: string, sha256: string) => ({ kind: "script", path, sha256 }) as const;

describe("the key of a build", () => {
  test("is the same for the same recipe, wherever its files lie and however it is built", () => {
    const one = key({ steps: [script("a.sh", "1")] });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(key({ steps: [script("b/c.sh", "1")], cpus: 7, memory: 1, timeoutMs: 1 })).toBe(one);
  });

  test("changes with everything that makes another image", () => {
    const keys = [
      key(),
      key({}, "q"),
      key({}, "p", 2),
      key({ steps: [script("a.sh", "1")] }),
      key({ steps: [script("a.sh", "2")] }),
      key({ steps: [script("a.sh", "1"), script("a.sh", "2")] }),
      key({ steps: [script("a.sh", "2"), script("a.sh", "1")] }),
      key({ steps: [{ kind: "packages", names: ["git"] }] }),
      key({ steps: [{ kind: "run", command: "true" }] }),
      key({ steps: [{ kind: "file", to: "/a", mode: "0644", owner: "root", from: "a", sha256: "1" }] }),
      key({ steps: [{ kind: "file", to: "/a", mode: "0600", owner: "root", from: "a", sha256: "1" }] }),
      key({ steps: [{ kind: "file", to: "/a", mode: "0644", owner: "root", content: "a" }] }),
      key({ verify: ["true"] }),
      key({ disk: 1 }),
      key({ packer: { path: "t.pkr.hcl", sha256: "1" } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  const role = catalogue.docker;
  if (role === undefined) throw new Error("the catalogue has no docker");
  const defaults = Object.fromEntries(Object.entries(role.options).map(([name, o]) => [name, o.default]));
  const from = catalogueSteps(role, "debian-12", defaults);
  const docker = (more: Partial<BuildInputs> = {}): Partial<BuildInputs> => ({
    use: "docker",
    options: defaults,
    disk: from.disk,
    ...more,
    steps: [...from.steps, ...(more.steps ?? [])],
    verify: [...from.verify, ...(more.verify ?? [])],
  });

  test("holds a role of the catalogue by its name and version alone", () => {
    const versions = { recipe: 1, catalogue: 1 };
    const usual = buildKey(inputs(docker()), "p", versions);
    // As an older catalogue would have brought it in: other packages and probes, no such disk.
    expect(
      buildKey(inputs({ use: "docker", options: {}, steps: [], verify: [], disk: 1 }), "p", versions),
    ).toBe(usual);
    expect(buildKey(inputs(docker()), "p", { recipe: 1, catalogue: 2 })).not.toBe(usual);
    expect(buildKey(inputs(docker({ steps: [script("a.sh", "1")] })), "p", versions)).not.toBe(usual);
    expect(buildKey(inputs(docker({ verify: ["true"] })), "p", versions)).not.toBe(usual);
    expect(buildKey(inputs(docker({ disk: from.disk + 1 })), "p", versions)).not.toBe(usual);
    expect(buildKey(inputs(docker({ options: { ...defaults, mine: "1" } })), "p", versions)).not.toBe(usual);
  });

  test("is pinned by the versions behind it, as long as the pin belongs to the same recipe", () => {
    const plain = recipe();
    const used = recipe({ use: "docker" });
    expect([pinSource(plain), pinSource(used)]).toEqual(["build", "build:docker"]);
    expect(pinnedVersions(plain, { source: "build", recipe: 3 })).toEqual({ recipe: 3 });
    expect(pinnedVersions(used, { source: "build", recipe: 3 })).toBeUndefined();
    expect(pinnedVersions(used, { source: "build:docker", recipe: 3 })).toBeUndefined();
    expect(pinnedVersions(used, { source: "build:docker", recipe: 3, catalogue: 2 })).toEqual({
      recipe: 3,
      catalogue: 2,
    });
    expect(currentVersions(plain, 5)).toEqual({ recipe: 5 });
    expect(currentVersions(used, 5)).toEqual({ recipe: 5, catalogue: role.version });
  });
});
