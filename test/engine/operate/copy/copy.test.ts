/** cp between this host and a guest that is a folder of it, with the system's tar on the other side. */
import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { packTar, type TarEntry } from "modern-tar";
import { isDiagnosticsError } from "../../../../engine/diagnostics.ts";
import { nodeEffects } from "../../../../engine/effects-node.ts";
import { type CopyEnd, carryOutCopy } from "../../../../engine/operate/copy/copy.ts";
import type { CopyCall } from "../../../../engine/operate/copy/entry.ts";
import { parsePlace } from "../../../../engine/operate/copy/place.ts";
import type { GuestEnd } from "../../../../engine/operate/copy/read-guest.ts";
import { answeringGuest, shellGuest } from "../../../support/shell-guest.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const { files } = nodeEffects();
const folder = temporaryFolders();
const LONG = "n".repeat(130);
let here: string;
let guestHome: string;
let guest: GuestEnd;
let skipped: string[];
let arrived: number;

beforeEach(async () => {
  const root = await folder();
  here = join(root, "here with blank");
  guestHome = join(root, "guest's home");
  await mkdir(here);
  await mkdir(guestHome);
  guest = shellGuest(guestHome);
  skipped = [];
  arrived = 0;
});

function end(text: string, other?: GuestEnd): CopyEnd {
  const place = parsePlace(text, here);
  return place.at === "host" ? { at: "host", place } : { at: "guest", place, end: other ?? guest };
}

const callOf = (signal = new AbortController().signal): CopyCall => ({
  signal,
  expected: () => undefined,
  moved: () => undefined,
  arrived: () => {
    arrived += 1;
  },
  skipped: (what) => skipped.push(what),
});

async function cp(
  from: string | CopyEnd,
  to: string | CopyEnd,
  options: { recursive?: boolean; several?: boolean } = {},
): Promise<void> {
  await carryOutCopy(
    files,
    {
      from: typeof from === "string" ? end(from) : from,
      to: typeof to === "string" ? end(to) : to,
      recursive: options.recursive ?? true,
      several: options.several ?? false,
    },
    callOf(),
  );
}

/** Code and summary of what is refused. */
async function refusal(copy: Promise<void>): Promise<string> {
  try {
    await copy;
  } catch (error) {
    if (isDiagnosticsError(error))
      return error.diagnostics.map(({ code, summary }) => `${code}: ${summary}`).join();
    throw error;
  }
  return "done";
}

/** Everything below a folder: `path mode content`, `path -> target`. */
async function tree(root: string, path = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(join(root, path))).sort()) {
    const below = path === "" ? name : `${path}/${name}`;
    const stat = await lstat(join(root, below));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) lines.push(`${below} -> ${await readlink(join(root, below))}`);
    else if (stat.isDirectory()) lines.push(`${below}/ ${mode}`, ...(await tree(root, below)));
    else lines.push(`${below} ${mode} ${(await readFile(join(root, below), "utf8")).slice(0, 20)}`);
  }
  return lines;
}

async function makeTree(root: string): Promise<string[]> {
  await mkdir(join(root, "a b", LONG), { recursive: true });
  await writeFile(join(root, "a b", "x 'y'\n.txt"), "odd name");
  await writeFile(join(root, "a b", LONG, LONG), "long name");
  await writeFile(join(root, "run.sh"), "#!/bin/sh");
  await writeFile(join(root, "secret"), "secret");
  await writeFile(join(root, "grüße"), "");
  await symlink("a b", join(root, "folder-link"));
  await symlink("/nowhere/at all", join(root, "dangling"));
  await symlink(`/${LONG}`, join(root, "long-link"));
  await chmod(join(root, "run.sh"), 0o4755);
  await chmod(join(root, "secret"), 0o600);
  await chmod(join(root, "a b"), 0o750);
  // Set-user-id stays behind.
  return (await tree(root)).map((line) => line.replace(" 4755 ", " 755 "));
}

describe("a folder", () => {
  test("goes into a guest, between guests, and comes back as it was", async () => {
    const tree1 = await makeTree(join(here, "src"));
    await cp("src", "web:copy");
    expect(await tree(join(guestHome, "copy"))).toEqual(tree1);
    const otherHome = await folder();
    await cp("web:copy", end("db:", shellGuest(otherHome, "db")));
    expect(await tree(join(otherHome, "copy"))).toEqual(tree1);
    await cp(end("db:copy", shellGuest(otherHome, "db")), "back");
    expect(await tree(join(here, "back"))).toEqual(tree1);
    expect({ arrived, skipped }).toEqual({ arrived: 15, skipped: [] });
  });

  test("goes into a folder that is there, or with /. becomes one with it", async () => {
    await mkdir(join(here, "src"));
    await writeFile(join(here, "src", "f"), "1");
    await mkdir(join(guestHome, "app"));
    await cp("src", "web:app");
    await cp("src/.", "web:app");
    await cp("src/.", "web:new");
    await cp("web:app/.", "out");
    const copied = ["f 644 1", "src/ 755", "src/f 644 1"];
    expect(await tree(join(guestHome, "app"))).toEqual(copied);
    expect(await tree(join(guestHome, "new"))).toEqual(["f 644 1"]);
    expect(await tree(join(here, "out"))).toEqual(copied);
  });

  test("needs -r, and what is neither file nor folder in it is left out", async () => {
    await mkdir(join(here, "src"));
    execFileSync("mkfifo", [join(here, "src", "pipe")]);
    expect(await refusal(cp("src", "web:", { recursive: false }))).toBe("cp/is-folder: src is a folder");
    await cp("src", "web:");
    expect(skipped).toEqual([`${join(here, "src", "pipe")} (neither file nor folder)`]);
    expect(await refusal(cp("web:src", ".", { recursive: false }))).toBe("cp/is-folder: web:src is a folder");
  });
});

describe("a file", () => {
  beforeEach(async () => {
    await writeFile(join(here, "f"), "new");
    await mkdir(join(guestHome, "app"));
  });

  test("gets the destination's name, goes into a folder, or takes a file's place", async () => {
    await cp("f", "web:app/renamed");
    await cp("f", "web:app");
    await cp("f", "web:app/f");
    await cp("web:app/renamed", "again");
    await cp("web:app/f", "again");
    expect(await tree(guestHome)).toEqual(["app/ 755", "app/f 644 new", "app/renamed 644 new"]);
    expect(await tree(here)).toEqual(["again 644 new", "f 644 new"]);
  });

  test("that is a link is followed where it is named", async () => {
    await symlink("f", join(here, "link"));
    await writeFile(join(guestHome, "real"), "real");
    await symlink("real", join(guestHome, "link"));
    await cp("link", "web:app");
    await cp("web:link", "from-link");
    expect(await tree(join(guestHome, "app"))).toEqual(["link 644 new"]);
    expect(await readFile(join(here, "from-link"), "utf8")).toBe("real");
  });

  test.each([
    ["nope", "web:", "cp/no-source: there is no nope"],
    ["web:nope", ".", "cp/no-source: there is no web:nope"],
    ["web:*", ".", "cp/no-source: there is no web:*"],
    ["f", "web:no/where", "cp/no-folder: there is no folder no in web"],
    ["f", "web:where/", "cp/not-a-folder: web:where is no folder"],
    ["web:app/.", "no/where", /^cp\/no-folder: there is no folder .*\/no$/],
    ["web:app", "f", "cp/not-a-folder: f is a file, and a folder cannot take its place"],
    ["web:/dev/null", ".", "cp/no-source: web:/dev/null is neither a file nor a folder"],
  ])("%s to %s is refused", async (from, to, expected) => {
    const said = await refusal(cp(from, to));
    if (typeof expected === "string") expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  });

  test("of several needs a folder to go to", async () => {
    expect(await refusal(cp("f", "web:x", { several: true }))).toBe("cp/not-a-folder: web:x is no folder");
    expect(await refusal(cp("web:app", "x", { several: true }))).toBe(
      "cp/not-a-folder: there is no folder x",
    );
  });

  test("that the guest cannot write is told in its words", async () => {
    await mkdir(join(guestHome, "app", "f"));
    await writeFile(join(guestHome, "app", "f", "inside"), "");
    expect(await refusal(cp("f", "web:app"))).toBe("cp/guest-failed: web:app could not be written");
  });
});

test("an interrupted copy ends at once, with nothing half-written", async () => {
  execFileSync("truncate", ["-s", "1G", join(guestHome, "big")]);
  const abort = new AbortController();
  const call = { ...callOf(abort.signal), moved: () => abort.abort(new Error("stop")) };
  const copy = { from: end("web:big"), to: end("."), recursive: false, several: false };
  await expect(carryOutCopy(files, copy, call)).rejects.toThrow("stop");
  expect(await tree(here)).toEqual([]);
});

describe("a guest that lies", () => {
  const sent = async (entries: TarEntry[], from = "web:x", to = "out"): Promise<string> =>
    await refusal(cp(end(from, answeringGuest(await packTar(entries))), to));
  const top: TarEntry = { header: { name: "./", type: "directory", size: 0, mode: 0o755 } };
  const file = (name: string): TarEntry => ({ header: { name, size: 4 }, body: "evil" });
  const link = (name: string, linkname: string): TarEntry => ({
    header: { name, type: "symlink", size: 0, linkname },
  });

  test.each(["../evil", "a/../../evil", "/evil", "./../evil"])("cannot name %s", async (name) => {
    expect(await sent([top, file("fine"), file(name)])).toBe(
      `cp/unsafe: web sent a file that was not asked for: ${JSON.stringify(name)}`,
    );
    expect(await tree(here)).toEqual(["out/ 700", "out/fine 644 evil"]);
  });

  test("cannot write through a link that it sends", async () => {
    const outside = await folder();
    expect(await sent([top, link("way", outside), file("way/evil")])).toMatch(
      /^cp\/not-written: .*\/out\/way is a folder, and a file cannot take its place$/,
    );
    expect(await readdir(outside)).toEqual([]);
  });

  test("cannot write through a link of an earlier copy, to a file or a folder", async () => {
    const outside = await folder();
    await writeFile(join(outside, "kept"), "mine");
    expect(await sent([top, link("way", outside), link("name", join(outside, "kept"))])).toBe("done");
    expect(await sent([top, file("way/evil")], "web:x/.")).toMatch(
      /out\/way is a link, where web has a folder$/,
    );
    expect(await sent([top, file("name")], "web:x/.")).toBe("done");
    expect(await tree(outside)).toEqual(["kept 644 mine"]);
    expect(await tree(join(here, "out"))).toEqual(["name 644 evil", `way -> ${outside}`]);
  });

  test("cannot get at files of this host by a second name", async () => {
    const twin = (linkname: string): TarEntry => ({
      header: { name: "twin", type: "link", size: 0, linkname },
    });
    expect(await sent([top, twin("/etc/passwd")])).toBe(
      'cp/unsafe: web sent a file that was not asked for: "/etc/passwd"',
    );
    expect(await sent([top, twin("etc/passwd")])).toBe(
      'cp/unsafe: web sent a file that was not asked for: "etc/passwd"',
    );
    expect(await sent([top, file("a"), twin("a")])).toBe("done");
    expect(await readFile(join(here, "out", "x", "twin"), "utf8")).toBe("evil");
  });

  test("cannot choose the name of the one file that was asked for, nor send more", async () => {
    expect(await sent([file("./.bashrc")], "web:report", ".")).toBe("done");
    expect(await tree(here)).toEqual(["report 644 evil"]);
    expect(await sent([file("./report"), file("./.bashrc")], "web:report", ".")).toBe(
      'cp/unsafe: web sent a file that was not asked for: "./.bashrc"',
    );
    expect(await tree(here)).toEqual(["report 644 evil"]);
  });

  test("cannot make devices, and what it breaks off is told", async () => {
    const device: TarEntry = { header: { name: "null", type: "character-device", size: 0 } };
    expect(await sent([top, device, file("a")])).toBe("done");
    expect(skipped).toEqual(["null (character device)"]);
    const whole = await packTar([top, file("a"), file("b")]);
    const cut = end("web:x", answeringGuest(whole.subarray(0, 2000)));
    expect(await refusal(cp(cut, "part"))).toBe("cp/broken-off: what web sent ends too early");
    const nothing = end("web:x", answeringGuest(new Uint8Array()));
    expect(await refusal(cp(nothing, "none"))).toBe("cp/broken-off: what web sent ends too early");
  });
});
