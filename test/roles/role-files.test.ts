/** What every role of the catalogue keeps to, and how mistakes in a role.toml are told. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type CatalogueRole, catalogue } from "../../engine/config/catalogue.ts";
import { canonicalJson, type JsonObject } from "../../engine/json.ts";
import { readRoleFiles } from "../../scripts/generate/role-files.mjs";
import { temporaryFolders } from "../support/temporary-folder.ts";

const root = join(import.meta.dirname, "../..");
const temporaryFolder = temporaryFolders();

const roles = Object.entries(catalogue);
const variants = roles.flatMap(([name, role]) =>
  Object.entries(role.on).map(([os, variant]) => [`${name} on ${os}`, variant] as const),
);
const scripts = [...new Set(roles.flatMap(([name, role]) => scriptsOf(name, role)))].sort();

test("every role is there for Debian 12 and for Ubuntu 24.04", () => {
  expect(roles.map(([name, { on }]) => [name, ...Object.keys(on)])).toEqual(
    ["docker", "k8s", "kata", "lxd", "observer"].map((name) => [name, "debian-12", "ubuntu-24.04"]),
  );
});

test("roles/ holds role.toml files and the scripts that they name, nothing else", async () => {
  const files = await readdir(join(root, "roles"), { recursive: true, withFileTypes: true });
  const found = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(found.map((path) => path.slice(join(root, "roles/").length)).sort()).toEqual(
    [...scripts, ...roles.map(([name]) => `${name}/role.toml`)].sort(),
  );
});

describe.each(variants)("%s", (_, { packages, verify }) => {
  test("lists its packages in order", () => {
    expect(packages).toEqual([...packages].sort());
  });

  test.each(verify.map((command) => [command]))("checks with what sh can read: %s", (command) => {
    const { status, stderr } = spawnSync("sh", ["-n", "-c", command], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe.each(scripts.map((path) => [path]))("%s", (path) => {
  const text = readScript(path);
  const commands = withoutTexts(text);

  test("stops at the first error", () => {
    expect(text.startsWith("#!/bin/bash\n")).toBe(true);
    expect(commands).toContain("\nset -euo pipefail\numask 022\n");
  });

  test("refuses another distribution than the one that its name says", () => {
    const os = /\/([a-z]+-[0-9.]+)\.sh$/.exec(path)?.[1];
    if (os !== undefined) expect(commands).toContain(`if [ "$ID-$VERSION_ID" != ${os} ]; then\n`);
  });

  test("waits for apt's lock, and apt asks nothing", () => {
    const calls = commands.match(/^.*\bapt-get\b.*$/gm) ?? [];
    for (const call of calls) expect(call).toContain("-o DPkg::Lock::Timeout=300");
    if (calls.length > 0) expect(commands).toContain("\nexport DEBIAN_FRONTEND=noninteractive\n");
  });

  test("only installs: clusters, keys and certificates are made in VMs", () => {
    expect(commands).not.toMatch(
      /\b(kubeadm (init|join|certs|token)|(lxd|incus admin) init|docker (swarm|login)|ssh-keygen|openssl|certtool|systemd-machine-id-setup|dbus-uuidgen|hostnamectl)\b/,
    );
  });
});

test("Debian's variants take nothing from elsewhere, but for Kata's own archive", () => {
  const used = roles.flatMap(([name, role]) => scriptsOf(name, role, "debian-12"));
  const fetching = used.filter((path) =>
    /\b(curl|wget|snap install|git clone)\b/.test(withoutTexts(readScript(path))),
  );
  expect(fetching).toEqual(["kata/static-release.sh"]);
});

test("shellcheck has nothing to say about any script", () => {
  const paths = scripts.map((path) => join(root, "roles", path));
  const { status, stdout, error } = spawnSync("shellcheck", paths, { encoding: "utf8" });
  expect({ status, stdout, error }).toEqual({ status: 0, stdout: "", error: undefined });
});

/**
 * Labs pin a role's version: what it installs may change only together with it. After raising `version` in role.toml,
 * write what the test shows into versions.json.
 */
test("a role that changes has a new version", () => {
  const recorded: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "versions.json"), "utf8"));
  const now = roles.map(([name, role]) => [name, { version: role.version, sha256: fingerprint(name, role) }]);
  expect(Object.fromEntries(now)).toEqual(recorded);
});

describe("a role.toml that is wrong", () => {
  const good = `version = 1
description = "Nothing much."
[on."debian-12"]
verify = ["true"]
disk = "1GiB"
memory = "512MiB"
`;

  test.each([
    ["version = 1\nversion = 2", "roles/odd/role.toml:2:12: Can't redefine existing key"],
    [
      `${good}color = "red"\n`,
      "roles/odd/role.toml:7:1: on.debian-12.color: must NOT have additional properties",
    ],
    [good.replace("version = 1\n", ""), "roles/odd/role.toml:1:1: must have required property 'version'"],
    [
      good.replace('["true"]', '["true", 2]'),
      "roles/odd/role.toml:4:19: on.debian-12.verify.1: must be string",
    ],
    [
      good.replace("512MiB", "512MB"),
      'roles/odd/role.toml:6:1: on.debian-12.memory: must match pattern "^[1-9][0-9]*[MG]iB$"',
    ],
    [
      `${good}scripts = ["install.sh"]\n`,
      "roles/odd/role.toml:7:12: on.debian-12.scripts.0: there is no roles/odd/install.sh",
    ],
    [
      `${good}[options.kind]\ndescription = "Which."\ndefault = "c"\nvalues = ["a", "b"]\nonly = ["debian-13"]\n`,
      "roles/odd/role.toml:9:1: options.kind.default: the default is none of values\n" +
        "roles/odd/role.toml:11:9: options.kind.only.0: the role has no variant for debian-13",
    ],
    [
      `${good}[options.kind]\ndescription = "Which."\ndefault = "c"\npattern = "("\n`,
      "roles/odd/role.toml:10:1: options.kind.pattern: the default does not match the pattern, or the pattern is no regular expression",
    ],
  ])("fails the build with its place", async (text, message) => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "roles/odd"), { recursive: true });
    await writeFile(join(folder, "roles/odd/role.toml"), text);
    await symlink(join(root, "generated"), join(folder, "generated"));
    await expect(readRoleFiles(folder)).rejects.toThrow(message);
  });

  test("or is not there, is named too", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "roles/odd"), { recursive: true });
    await expect(readRoleFiles(folder)).rejects.toThrow(
      "roles/odd/role.toml cannot be read: a folder in roles/ is a role",
    );
  });
});

/** Paths below roles/ of the scripts that a role uses. */
function scriptsOf(name: string, role: CatalogueRole, os?: string): string[] {
  return Object.entries(role.on)
    .filter(([key]) => os === undefined || key === os)
    .flatMap(([, variant]) => variant.scripts)
    .map((path) => (path.includes("/") ? path : `${name}/${path}`));
}

function readScript(path: string): string {
  return readFileSync(join(root, "roles", path), "utf8");
}

/** A script without comments and here-documents: what it does when it runs. */
function withoutTexts(script: string): string {
  return script.replace(/<<'?END'?.*\n[\s\S]*?\nEND$/gm, "").replace(/^\s*#.*$/gm, "");
}

/** Of everything that decides what is in the image; not of texts for people. */
function fingerprint(name: string, role: CatalogueRole): string {
  const { version: _, description: __, on, ...rest } = role;
  const made = Object.entries(on).map(([os, { note: ___, ...variant }]) => [os, variant]);
  const contents = scriptsOf(name, role).map((path) => [path, readScript(path)]);
  const all = { ...rest, on: Object.fromEntries(made), contents } as unknown as JsonObject;
  return createHash("sha256").update(canonicalJson(all)).digest("hex");
}
