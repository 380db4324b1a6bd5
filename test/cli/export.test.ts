import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
  await lab.succeed("apply", "--target", "vm.web", "--yes");
});
afterEach(() => lab.remove());

const digestIn = (text: string): string => /digest = "(sha256:[0-9a-f]{64})"/.exec(text)?.[1] ?? "none";

test("export writes the image into lab.toml, with everything else as it was, and a VM stands on it", async () => {
  const refused = await lab.vmlab(["export", "web", "web-base"]);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain("Error: web is running [image/export-running]\n");
  expect(await lab.read("lab.toml")).toBe(LAB);

  const said = await lab.succeed("export", "web", "web-base", "--live");
  const text = await lab.read("lab.toml");
  const digest = digestIn(text);
  expect(text).toBe(`${LAB}\n[images.web-base]\ndigest = "${digest}"\n`);
  expect(said).toContain(`image.web-base  ${digest}\n`);
  expect(said).toContain("lab.toml declares it. For a VM on it: vmlab create NAME --image web-base\n");
  expect(await lab.succeed("plan", "--target", "vm.web")).toContain("No changes.");
  await lab.succeed("create", "child", "--image", "web-base", "--yes");
  expect(await lab.succeed("state", "list", "vm.*")).toBe("vm.child\nvm.web\n");
});

test("a name that another image has is refused before anything is done, one of an export is asked about", async () => {
  const taken = await lab.vmlab(["export", "web", "noble", "--live", "--yes"]);
  expect(taken).toMatchObject({ code: 1, stdout: "" });
  expect(taken.stderr).toContain(
    'Error: there is an image "noble" already, declared at lab.toml:6 [config/name-taken]',
  );
  const wrong = await lab.vmlab(["export", "web", "Web_1", "--live"]);
  expect(wrong.stderr).toContain('"Web_1" cannot be the name of an image [config/bad-name]');

  await lab.succeed("export", "web", "base", "--live");
  const first = await lab.read("lab.toml");
  await lab.write("lab.toml", first.replace(/(digest = .*)/, "$1 # of Monday"));
  await lab.succeed("exec", "web", "--", "true");
  const silent = await lab.vmlab(["export", "web", "base", "--live"]);
  expect(silent.stderr).toContain("[cli/needs-confirmation]");
  const no = await lab.vmlab(["export", "web", "base", "--live"], { answers: ["no"] });
  expect(no.questions[0]).toContain("Let the export take its place?");
  expect(digestIn(await lab.read("lab.toml"))).toBe(digestIn(first));
  await lab.succeed("export", "web", "base", "--live", "--yes");
  const second = await lab.read("lab.toml");
  expect(digestIn(second)).not.toBe(digestIn(first));
  expect(second).toBe(first.replace(/digest = .*/, `digest = "${digestIn(second)}" # of Monday`));
});

test("what fails leaves lab.toml as it was, and a lab.toml that cannot take the table is found out first", async () => {
  await lab.write(
    "../home/fake/faults.json",
    JSON.stringify({ failures: [{ step: "export", name: "web", times: 1 }] }),
  );
  const failed = await lab.vmlab(["export", "web", "base", "--live"]);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toContain("failed while exporting");
  expect(await lab.read("lab.toml")).toBe(LAB);

  const [, table = ""] = /\[images\.noble\]\n([^[]*)/.exec(LAB) ?? [];
  const inline = `images = { noble = { ${table.trim().replaceAll("\n", ", ")} } }\n`;
  await lab.write("lab.toml", inline + LAB.replace(`[images.noble]\n${table}`, ""));
  const closed = await lab.vmlab(["export", "web", "base", "--live"]);
  expect(closed).toMatchObject({ code: 1, stdout: "" });
  expect(closed.stderr).toContain("[config/cannot-edit]");
});

test("--json prints events, and the image at the end", async () => {
  const lines = (await lab.succeed("export", "web", "base", "--live", "--json")).trim().split("\n");
  const events = lines.map(
    (line) => JSON.parse(line) as { type: string; address?: string; declared?: boolean },
  );
  expect(events.map(({ type }) => type)).toEqual([
    "run-started",
    "operation-started",
    "operation-progress",
    "operation-finished",
    "run-finished",
    "exported",
  ]);
  expect(events.at(-1)).toMatchObject({ address: "image.base", declared: true });
});
