/** What `vmlab ops` tells of long operations, and what it keeps of them. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { withoutValues } from "../../cli/command-words.ts";
import { OpsLab } from "./ops-lab.ts";

let ops: OpsLab;
beforeEach(async () => {
  ops = await OpsLab.create();
});
afterEach(() => ops.remove());

describe("vmlab ops", () => {
  test("tells what an apply was and did, from any folder", async () => {
    expect(await ops.lab.succeed("ops")).toBe(
      'Nothing runs, and nothing ended in the last day. "vmlab ops --all" lists what ended before.\n',
    );
    await ops.lab.succeed("apply", "--yes", "--parallelism", "1");
    const elsewhere = await ops.vmlab(["ops"], { cwd: "/" });
    const table = ops.steady(elsewhere.stdout).replaceAll(/just now|N ago/g, "AGO");
    expect(table.replaceAll(/ {2,}/g, "  ")).toBe(
      `ID  WHAT  LAB  STATE  DONE  STARTED  TIME
op-ID  apply  demo  finished  10/10  AGO  took N
`,
    );
    const { id } = await ops.only();
    expect(
      ops.steady(await ops.lab.succeed("ops", "show", id.slice(0, 6))).replaceAll(/just now|N ago/g, "AGO"),
    ).toBe(
      `op-ID
  State    finished
  Lab      demo (ROOT/lab)
  Command  vmlab apply --yes --parallelism 1
  Started  TIME, AGO
  Ended    TIME, after N
  Process  pid N on HOST
  Done     10/10 operations
  Changes  4 created

"vmlab ops logs op-ID" tells what it did.
`,
    );
    expect(ops.steady(await ops.lab.succeed("ops", "logs", id))).toBe(
      `secret.token  generating
secret.token  generated  N
image.noble   getting the image
image.noble   pretending to get the image
image.noble   in the store  N
vm.web        creating
vm.web        created  N
vm.web        starting
vm.web        powering on
vm.web        started  N
vm.web        waiting until ready
vm.web        waiting for the pretend guest
vm.web        ready  N
vm.web        provisioning
vm.web        run echo hello
vm.web        | run echo hello: done
vm.web        provisioned  N
vm.db         creating
vm.db         created  N
vm.db         starting
vm.db         powering on
vm.db         started  N
vm.db         waiting until ready
vm.db         waiting for the pretend guest
vm.db         ready  N
vm.db         provisioning
vm.db         provisioned  N

op-ID (apply): finished after N.
`,
    );
    const events = (await ops.lab.succeed("ops", "logs", id, "--json")).trim().split("\n");
    expect(JSON.parse(events[0] ?? "")).toEqual({
      time: expect.stringMatching(/^20..-..-..T..:..:..\....Z$/),
      type: "run-started",
      operations: 10,
    });
    expect(JSON.parse(events.at(-1) ?? "")).toMatchObject({ type: "run-finished" });
  });

  test("tells nothing of what has nothing to do", async () => {
    await ops.lab.succeed("apply", "--yes");
    await ops.lab.succeed("apply", "--yes");
    await ops.lab.succeed("plan");
    await ops.lab.succeed("stop", "db");
    expect((await ops.listed()).map(({ kind }) => kind)).toEqual(["apply"]);
    await ops.lab.succeed("destroy", "--yes");
    expect((await ops.listed()).map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "destroy finished",
      "apply finished",
    ]);
  });

  test("tells why an apply failed; whoever saw it is not told again, the lab's command is", async () => {
    await ops.faults({ failures: [{ step: "start", name: "db", message: "no power" }] });
    expect((await ops.vmlab(["apply", "--yes"])).code).toBe(1);
    const list = await ops.vmlab(["ops"]);
    expect(list.stderr).toBe("");
    expect(ops.steady(list.stdout)).toContain("op-ID  apply  demo  failed");
    expect(list.stdout).toContain("\n    vm.db: no power\n");
    const { id } = await ops.only();
    const shown = await ops.lab.succeed("ops", "show", id);
    expect(shown).toContain("State    failed (exit code 1)");
    expect(shown).toContain("Error: no power [fake/asked-for]");
    expect(shown).toMatch(/Alerts:\n {2}\S+ \S+ UTC\n {4}failed: no power\n/);
    expect(shown).toContain(`"vmlab -C ${ops.lab.folder} apply" goes on where it stopped.`);
    expect(await ops.lab.read("alerts.txt")).toBe("failed: apply of demo failed: no power\n");
  });

  test("refuses what it does not know, with what there is", async () => {
    await ops.lab.succeed("apply", "--yes");
    const { id } = await ops.only();
    const said = async (...args: string[]) =>
      (await ops.vmlab(["ops", ...args])).stderr.replaceAll(id, "op-ID");
    expect(await said("shwo", id)).toContain(
      'Error: "shwo" is neither an operation nor a command of vmlab ops [ops/unknown-operation]\n  Hint: Did you mean "vmlab ops show"?',
    );
    expect(await said("show", "zz")).toContain('there is no operation "zz" [ops/unknown-operation]');
    expect(await said("cancel", id)).toContain("op-ID does not run: finished [ops/not-running]");
    const plan = await ops.vmlab(["apply", "some.plan", "--operation", id]);
    expect(plan.stderr.replaceAll(id, "op-ID")).toContain(
      "there is no operation op-ID that waits to be started",
    );
  });
});

test("no secret gets into a record", async () => {
  const password = "correct-horse-battery";
  await ops.lab.write("values.toml", `password = "${password}"\n`);
  await ops.faults({
    failures: [{ step: "provision", name: "web", message: `cannot log in with ${password}` }],
  });
  await ops.vmlab(["apply", "--yes", "--var-file", "values.toml", "--var", `password=${password}`]);
  const state = JSON.parse(await ops.lab.succeed("state", "pull")) as {
    resources: { "secret.token": unknown };
  };
  const token = /"value":"([a-z]{24})"/.exec(JSON.stringify(state.resources["secret.token"]))?.[1] ?? "";
  expect(token).toHaveLength(24);
  await ops.faults({ failures: [{ step: "provision", name: "web", message: `${token} is refused` }] });
  await ops.vmlab(["apply", "--yes", `--var=password=${password}`]);
  const kept = await ops.kept();
  expect(kept).toContain("cannot log in with (sensitive)");
  expect(kept).toContain("(sensitive) is refused");
  expect(kept).toContain('"password=…"');
  expect(kept).toContain('"--var=password=…"');
  expect(kept).not.toContain(password);
  expect(kept).not.toContain(token);
  const told = await ops.lab.read("alerts.txt");
  expect(told).toContain("cannot log in with (sensitive)");
});

test("a command line is kept without values of variables", () => {
  const line = [
    "-C",
    "lab",
    "apply",
    "--var",
    "a=1",
    "--var=b=2",
    "--var",
    "c",
    "-var",
    "d=4",
    "-var=e=5",
    "--var-file",
    "x.toml",
    "--",
    "d=3",
  ];
  expect(withoutValues(line)).toEqual([
    ...["-C", "lab", "apply", "--var", "a=…", "--var=b=…", "--var", "…"],
    ...["-var", "d=…", "-var=e=…", "--var-file", "x.toml"],
  ]);
});
