/** make as a front door to vmlab: what it hands on, and that it hands it on as it was typed. */
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { temporaryFolders } from "../support/temporary-folder.ts";

const root = join(import.meta.dirname, "../..");
const temporary = temporaryFolders();

let folder: string;
beforeEach(async () => {
  folder = await temporary();
  // Prints its arguments, each in brackets.
  await writeFile(join(folder, "vmlab"), '#!/bin/sh\nprintf "[%s]" "$@"\n', { mode: 0o755 });
  await writeFile(join(folder, "Makefile"), `VMLAB = ./vmlab\ninclude ${root}/scripts/vmlab.mk\n`);
});

/** What `make` prints, without its own name and places. */
function make(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { PATH = "" } = process.env;
  return new Promise((resolve) => {
    execFile("make", [...args], { cwd: folder, env: { PATH, LC_ALL: "C", ...env } }, (_, stdout, stderr) =>
      resolve(`${stdout}${stderr.replace(/^.*\*\*\* /m, "").trimEnd()}`),
    );
  });
}

describe("what vmlab is asked for", () => {
  test.each([
    ["plan", "[plan]"],
    ["apply", "[apply]"],
    ["apply YES=1", "[apply][--yes]"],
    ["destroy", "[destroy]"],
    ["list", "[list]"],
    ["images", "[images]"],
    ["create-docker", "[create][--role][docker]"],
    ["create-k8s NAME=web", "[create][web][--role][k8s]"],
    ["create-lxd NAME=web YES=1", "[create][web][--role][lxd][--yes]"],
    ["create-kata NAME=web", "[create][web][--role][kata]"],
    ["create-observer NAME=web", "[create][web][--role][observer]"],
    ["start NAME=web", "[start][web]"],
    ["stop NAME=web", "[stop][web]"],
    ["ssh NAME=web", "[ssh][web]"],
    ["delete NAME=web", "[delete][web]"],
    ["export NAME=web TARGET=base", "[export][web][base]"],
    ["build ROLE=docker", "[images][build][docker]"],
    ["clone SOURCE=web TARGET=web-2", "[clone][web][web-2]"],
    ["snapshot NAME=web ACTION=create", "[snapshot][create][web]"],
    ["snapshot NAME=web ACTION=create SNAPSHOT=clean", "[snapshot][create][web][--name][clean]"],
    ["snapshot NAME=web ACTION=list", "[snapshot][list][web]"],
    ["snapshot NAME=web ACTION=restore SNAPSHOT=clean", "[snapshot][restore][web][--name][clean]"],
    ["snapshot NAME=web ACTION=delete SNAPSHOT=clean", "[snapshot][delete][web][--name][clean]"],
  ])("make %s", async (line, asked) => {
    expect(await make(line.split(" "))).toBe(`[-C][.]${asked}`);
  });

  test("of a lab elsewhere, and of several VMs", async () => {
    expect(await make(["start", "NAME=web k8s-*", "LAB=my labs/one"])).toBe(
      "[-C][my labs/one][start][web][k8s-*]",
    );
  });

  test("a Makefile may say where its lab is; the environment has no say", async () => {
    await writeFile(
      join(folder, "Makefile"),
      `VMLAB = ./vmlab\nLAB = lab$(SUFFIX)\nSUFFIX = -1\ninclude ${root}/scripts/vmlab.mk\n`,
    );
    const env = { NAME: "host", LAB: "/elsewhere" };
    expect(await make(["list"], env)).toBe("[-C][lab-1][list]");
    expect(await make(["create-docker"], env)).toBe("[-C][lab-1][create][--role][docker]");
    expect(await make(["delete"], env)).toBe("make delete needs NAME: make delete NAME=web.  Stop.");
  });
});

test.each([
  ["ssh", "make ssh needs NAME: make ssh NAME=web.  Stop."],
  ["clone SOURCE=web", "make clone needs TARGET: make clone SOURCE=web TARGET=web-2.  Stop."],
  ["build", "make build needs ROLE: make build ROLE=docker.  Stop."],
  ["snapshot NAME=web", "make snapshot needs ACTION: make snapshot NAME=web ACTION=create.  Stop."],
  [
    "snapshot NAME=web ACTION=restore",
    "make snapshot needs SNAPSHOT: make snapshot NAME=web ACTION=restore SNAPSHOT=clean.  Stop.",
  ],
  [
    "snapshot NAME=web ACTION=revert",
    "ACTION is create, list, restore or delete: make snapshot NAME=web ACTION=create.  Stop.",
  ],
  ["delete NAME=--all", "NAME=--all is no name.  Stop."],
])("make %s says what is missing", async (line, said) => {
  expect(await make(line.split(" "))).toBe(said);
});

test.each([
  "$(touch made)",
  "$(shell touch made)",
  "; touch made",
  "`touch made`",
  "' ; touch made '",
  '" ; touch made "',
  "a\n\ttouch made",
  "${HOME} $$ \\ # |",
])("a name of %j runs nothing", async (name) => {
  const before = await readdir(folder);
  expect(await make(["ssh", `NAME=${name}`])).toBe(`[-C][.][ssh][${name}]`);
  expect(await make(["clone", `SOURCE=${name}`, `TARGET=${name}`])).toBe(`[-C][.][clone][${name}][${name}]`);
  expect(await make(["list", `LAB=${name}`])).toBe(`[-C][${name}][list]`);
  const words = name.split(/\s+/).filter((word) => word !== "");
  expect(await make(["start", `NAME=${name}`])).toBe(
    `[-C][.][start]${words.map((word) => `[${word}]`).join("")}`,
  );
  expect(await readdir(folder)).toEqual(before);
});

test("make help lists every target, in groups, within 80 columns", async () => {
  const help = await make([]);
  expect(help.match(/^\S.*:$/gm)).toEqual([
    "The lab in this folder, or LAB=folder (YES=1: no questions):",
    "Machines:",
    "Images:",
  ]);
  expect(help).toContain("\n  make clone SOURCE=web TARGET=web-2    Make a VM from another\n");
  expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});
