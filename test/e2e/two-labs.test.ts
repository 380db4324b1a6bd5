/** Two labs of one host: one copy of an image, one budget of memory, lives of their own. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";

let root: string;
let home: string;
const labs: CliLab[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "vl-"));
  home = join(root, "h");
  await mkdir(home, { mode: 0o700 });
});
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.dispose();
  await rm(root, { recursive: true, force: true });
});

async function lab(name: string): Promise<CliLab> {
  const made = await CliLab.create(await toml(name, ["web"]), home);
  labs.push(made);
  return made;
}

async function toml(name: string, vms: readonly string[]): Promise<string> {
  return `lab = { name = "${name}", image = "tiny" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
${vms.map((vm) => `[vms.${vm}]\nmemory = "128MiB"\ndisk = "96MiB"\n`).join("")}`;
}

function limitMemory(size: string): Promise<void> {
  return writeFile(join(home, "config.toml"), `[limits]\nmemory = "${size}"\n`);
}

test("two labs share an image and the host's memory, and one outlives the other", async () => {
  const [one, two] = [await lab("one"), await lab("two")];
  await limitMemory("420MiB");

  // Both at the same moment, each needing the image that nobody has yet.
  await Promise.all([one.ok("apply", "--yes"), two.ok("apply", "--yes")]);
  const images = (await one.list("images")).filter((entry) => !entry.startsWith("."));
  expect(images).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  expect(await one.machines()).toHaveLength(2);
  expect(await one.list("labs")).toHaveLength(2);

  // One more VM fits beside the three of them, but not two: whoever applies first has it.
  for (const each of [one, two]) {
    await each.write(await toml(each === one ? "one" : "two", ["web", "db"]));
    expect(await each.ok("plan", "-o", join(each.root, "lab.plan"))).toContain(
      "256 MiB memory (of 292 MiB free)",
    );
  }
  const ends = await Promise.all([one, two].map((each) => each.run(["apply", join(each.root, "lab.plan")])));
  expect(ends.map(({ code }) => code).sort()).toEqual([0, 1]);
  const oneWon = ends[0]?.code === 0;
  const [winner, loser] = oneWon ? [one, two] : [two, one];
  const [winnerName, loserName] = oneWon ? ["one", "two"] : ["two", "one"];
  const refusal = [
    "The running VMs need 256 MiB of memory, and 164 MiB are free",
    "The limit is 420 MiB.",
    `Lab ${winnerName} (${winner.folder}) uses 256 MiB for 2 VMs.`,
    "This lab: db 128 MiB, web 128 MiB.",
  ];
  const atApply = ends.find(({ code }) => code === 1)?.stderr ?? "";
  for (const line of refusal) expect(atApply).toContain(line);
  // Nothing was begun: no disk, no record of a disk, no memory kept.
  expect(await winner.vmFolders()).toHaveLength(3);
  expect(await loser.machines()).toHaveLength(3);
  const atPlan = await loser.refused("plan");
  for (const line of refusal) expect(atPlan).toContain(line);
  expect(await winner.changes()).toEqual([]);

  // What the one gives back, the other may have; the shared image stays.
  await winner.ok("destroy", "--yes");
  expect(await loser.guest("web", "hostname")).toBe("web");
  expect(await loser.machines()).toEqual([await loser.pid("web")]);
  expect((await loser.list("images")).filter((entry) => !entry.startsWith("."))).toEqual(images);
  expect(await loser.ok("plan")).toContain("256 MiB memory (of 420 MiB free)");
  await loser.write(await toml(loserName, ["web"]));
  expect(await loser.changes()).toEqual([]);
  // It still starts from the image's bytes.
  await loser.ok("restart", "web");
  expect(await loser.guest("web", "hostname")).toBe("web");
}, 600_000);
