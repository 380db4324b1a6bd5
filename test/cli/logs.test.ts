import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { provisionLines } from "../../cli/render/provision-lines.ts";
import { CliLab } from "./cli-lab.ts";

const LAB = `lab = { name = "demo", provider = "fake", image = "base" }

[images.base]
bootstrap = { distribution = "debian", suite = "bookworm" }

[vms.web]
files = [{ content = "x", to = "/x" }]
run = ["make"]

[vms.idle]
`;

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

/** Without times and durations. */
const steady = (text: string) =>
  text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, "TIME")
    .replaceAll(/after \S+?(?=,|$)/gm, "after TIME");

describe("vmlab logs --provision", () => {
  test("shows the steps of every apply, also of one that failed", async () => {
    await lab.write("../home/fake/faults.json", '{"failures":[{"step":"provision","name":"web","times":1}]}');
    expect((await lab.vmlab(["apply", "--yes"])).code).toBe(1);
    const failed = "TIME  1/2  file /x\n  failed after TIME\n";
    expect(steady(await lab.succeed("logs", "web", "--provision"))).toBe(failed);
    await lab.write("../home/fake/faults.json", "{}");
    await lab.succeed("apply", "--yes");
    expect(steady(await lab.succeed("logs", "web", "--provision"))).toBe(
      `${failed}TIME  1/2  file /x
  | file /x: done
  done after TIME, exit code 0
TIME  2/2  run make
  | run make: done
  done after TIME, exit code 0
`,
    );
    expect(await lab.succeed("logs", "web", "--provision", "-n", "2")).toMatch(
      /^ {2}\| run make: done\n {2}done after \S+, exit code 0\n$/,
    );
  });

  test("says when there is nothing, and knows no other VM", async () => {
    await lab.succeed("apply", "--yes");
    expect(await lab.vmlab(["logs", "idle", "--provision"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "Nothing is recorded of idle: it has no files, scripts or run, or none was reached.\n",
    });
    for (const name of ["wbe", "../web"])
      expect((await lab.vmlab(["logs", name, "--provision"])).stderr).toContain("select/");
  });

  test("passes over what a crash or another version left", async () => {
    await lab.succeed("apply", "--yes");
    const logs = join(lab.home, "logs");
    const [lineage = ""] = await readdir(logs);
    const odd =
      '{"time":1,"type":"later"}\nnull\n3\n{"time":2,"type":"step","step":"run x","number":1,"total":1}\n{"ti';
    await appendFile(join(logs, lineage, "web.ndjson"), odd);
    expect((await lab.succeed("logs", "web", "--provision")).split("\n").at(-2)).toBe(
      "1970-01-01 00:00:00 UTC  1/1  run x",
    );
  });

  test("has nothing left when the lab is destroyed", async () => {
    await lab.succeed("apply", "--yes");
    await lab.succeed("destroy", "--yes");
    expect(await readdir(join(lab.home, "logs"))).toEqual([]);
  });
});

test("a step without an end was cut off", () => {
  const step = { type: "step", instance: "i", number: 1, total: 2 } as const;
  expect(
    provisionLines([
      { ...step, time: 0, step: "run a" },
      { ...step, time: 1000, step: "run a" },
      { type: "output", time: 1000, line: "hello" },
      { type: "end", time: 61_000, result: "failed", durationMs: 60_000, code: null },
      { ...step, time: 2000, step: "run b" },
      { type: "end", time: 2000, result: "interrupted", durationMs: 200, code: null },
    ]),
  ).toEqual([
    "1970-01-01 00:00:00 UTC  1/2  run a",
    "  (cut off)",
    "1970-01-01 00:00:01 UTC  1/2  run a",
    "  | hello",
    "  failed after 1m, ended by a signal or its deadline",
    "1970-01-01 00:00:02 UTC  1/2  run b",
    "  interrupted after 200ms",
  ]);
});
