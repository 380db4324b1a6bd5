/** The catalogue as the engine sees it: options, steps, and that it is what roles/ says. */
import { describe, expect, test } from "@jest/globals";
import {
  type CatalogueRole,
  catalogue,
  catalogueSteps,
  checkOptions,
} from "../../../engine/config/catalogue.ts";
import { catalogueRole } from "../../../scripts/generate/catalogue.mjs";
import { readRoleFiles } from "../../../scripts/generate/role-files.mjs";

const root = new URL("../../..", import.meta.url).pathname;
const MiB = 2 ** 20;

const role: CatalogueRole = {
  name: "stack",
  version: 3,
  description: "A stack.",
  requires: [],
  options: {
    version: { description: "A release such as 1.2.", default: "1.2", pattern: "[0-9]+\\.[0-9]+" },
    flavor: {
      description: "The kind.",
      default: "plain",
      values: ["plain", "extra"],
      only: ["ubuntu-24.04"],
    },
  },
  on: {
    "debian-12": {
      packages: ["stack"],
      scripts: ["base/prepare.sh", "debian-12.sh"],
      verify: ["stack info"],
      disk: 600 * MiB,
      memory: 512 * MiB,
    },
    "ubuntu-24.04": { packages: [], scripts: [], verify: ["true"], disk: MiB, memory: MiB },
  },
};

test("the catalogue is what roles/*/role.toml says, sizes in bytes", async () => {
  const files = await readRoleFiles(root);
  expect([...files.keys()]).toEqual(["docker", "k8s", "kata", "lxd", "observer"]);
  expect({ ...catalogue }).toEqual(
    Object.fromEntries([...files].map(([name, file]) => [name, catalogueRole(name, file)])),
  );
  expect(catalogue.docker?.on["debian-12"]).toMatchObject({ disk: 6144 * MiB, memory: 1024 * MiB });
});

test("a name that every object has is no role", () => {
  expect(catalogue.constructor).toBeUndefined();
  expect(catalogue.toString).toBeUndefined();
});

test("only kata asks for nested virtualization", () => {
  expect(
    Object.values(catalogue).flatMap(({ name, requires }) => requires.map((need) => [name, need])),
  ).toEqual([["kata", "nested-virtualization"]]);
});

describe("the steps of a role", () => {
  test("are its packages, then its scripts with the options in their environment", () => {
    expect(catalogueSteps(role, "debian-12", { version: "2.0" })).toEqual({
      steps: [
        { kind: "packages", names: ["stack"] },
        { kind: "catalogue-script", role: "base", script: "prepare.sh", env: { OPTION_VERSION: "2.0" } },
        { kind: "catalogue-script", role: "stack", script: "debian-12.sh", env: { OPTION_VERSION: "2.0" } },
      ],
      verify: ["stack info"],
      disk: 600 * MiB,
      memory: 512 * MiB,
    });
  });

  test("leave out options that mean nothing on the distribution, and packages where there are none", () => {
    const options = { version: "1.2", flavor: "plain" };
    const [, script] = catalogueSteps(role, "debian-12", options).steps;
    expect(script).toMatchObject({ env: { OPTION_VERSION: "1.2" } });
    expect(catalogueSteps(role, "ubuntu-24.04", options).steps).toEqual([]);
  });

  test("are not to be had for another distribution", () => {
    expect(() => catalogueSteps(role, "debian-13", {})).toThrow("role stack has no variant for debian-13");
    expect(() => catalogueSteps(role, "constructor", {})).toThrow(RangeError);
  });
});

describe("options", () => {
  test("have defaults, in the order of the role", () => {
    expect(checkOptions(role, {})).toEqual({ options: { version: "1.2", flavor: "plain" } });
    expect(checkOptions(role, { flavor: "extra" })).toEqual({ options: { version: "1.2", flavor: "extra" } });
  });

  test("are refused with what to write instead", () => {
    expect(checkOptions(role, { flavour: "extra" })).toEqual({
      problem: {
        key: "flavour",
        message: 'role stack has no option "flavour"',
        hint: 'Did you mean "flavor"?',
      },
    });
    expect(checkOptions(role, { constructor: "x" })).toMatchObject({
      problem: { key: "constructor", hint: "Options: version, flavor." },
    });
    expect(checkOptions({ ...role, options: {} }, { version: "1" })).toMatchObject({
      problem: { hint: "It has no options." },
    });
    expect(checkOptions(role, { flavor: "Extra" })).toEqual({
      problem: {
        key: "flavor",
        message: '"Extra" is no value for option flavor of role stack',
        hint: 'Values: "plain", "extra".',
      },
    });
    expect(checkOptions(role, { version: "1.2\n" })).toEqual({
      problem: {
        key: "version",
        message: '"1.2\\n" is no value for option version of role stack',
        hint: 'A release such as 1.2. Default: "1.2".',
      },
    });
  });

  test("that mean nothing on a distribution are left out there, and refused when given", () => {
    expect(checkOptions(role, {}, "debian-12")).toEqual({ options: { version: "1.2" } });
    expect(checkOptions(role, { flavor: "plain" }, "ubuntu-24.04")).toEqual({
      options: { version: "1.2", flavor: "plain" },
    });
    expect(checkOptions(role, { flavor: "plain" }, "debian-12")).toEqual({
      problem: {
        key: "flavor",
        message: "option flavor of role stack means nothing on debian-12",
        hint: "It is for ubuntu-24.04. Leave it out.",
      },
    });
  });

  test.each([
    ["k8s", "version", ["1.35", "1.34.2", "1.36"], ["1.3", "v1.35", "1.35; reboot", "latest"]],
    ["docker", "version", ["latest", "28.3", "28.3.2"], ["28", "5:28.3", ""]],
    ["kata", "version", ["3.32.0"], ["4.0.0", "3.32", "../3.32.0"]],
    ["kata", "sha256", ["0".repeat(64)], ["0".repeat(63), "A".repeat(64)]],
    ["lxd", "flavor", ["lxd", "incus"], ["snap"]],
  ])("of %s: %s takes what is meant and nothing that a shell could misread", (name, key, good, bad) => {
    const used = catalogue[name];
    if (used === undefined) throw new Error(`no role ${name}`);
    for (const value of good)
      expect(checkOptions(used, { [key]: value })).toMatchObject({ options: { [key]: value } });
    for (const value of bad) expect(checkOptions(used, { [key]: value })).toMatchObject({ problem: { key } });
  });
});
