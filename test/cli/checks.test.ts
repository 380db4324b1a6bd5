import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CliLab } from "./cli-lab.ts";

const LAB = (more: string) => `lab = { name = "demo", provider = "fake", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
vars.least = { default = 512 }
[vms.web]
memory = "1GiB"
ports = ["80"]
[vms.db]
memory = "256MiB"
${more}`;

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create();
});
afterEach(() => lab.remove());

/** What is said of checks; the rest of the output is other tests' business. */
const run = async (more: string, ...args: string[]) => {
  await lab.write("lab.toml", LAB(more));
  const { code, stdout, stderr } = await lab.vmlab(args);
  const said = stdout.split("\n").filter((line) => /check/i.test(line));
  return { code, stderr, said };
};

describe("a check that reads what is known when planning", () => {
  const memory = (message: string) => `[[checks]]
name = "memory"
assert = "vms.all(n, vms[n].memory >= vars.least * MiB)"
message = "${message}"
`;
  const wrong = `Error: The check "memory" fails: every VM needs 512 MiB [config/check-failed]
  at lab.toml:11:10
  11 | assert = "vms.all(n, vms[n].memory >= vars.least * MiB)"
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  vms.web.memory = 1073741824 (1 GiB)
  vms.db.memory = 268435456 (256 MiB)
  vars.least = 512
`;

  test.each(["validate", "plan", "apply"])("fails %s with its place and what it reads", async (command) => {
    const { code, stderr } = await run(
      memory("every VM needs ${vars.least} MiB"),
      command,
      ...(command === "apply" ? ["--yes"] : []),
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: command === "validate" ? `${wrong}\n1 error.\n` : wrong,
    });
  });

  test("is only told when it is a warning", async () => {
    const { code, stderr } = await run(
      `${memory("every VM needs ${vars.least} MiB")}severity = "warning"`,
      "plan",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: wrong.replace("Error", "Warning") });
  });

  test("does not stand in the way of a destroy", async () => {
    expect(await run("", "apply", "--yes")).toMatchObject({ code: 0 });
    expect(await run(memory("no"), "destroy", "--yes")).toMatchObject({ code: 0, stderr: "" });
  });

  test("says nothing of sensitive values", async () => {
    const { stderr } = await run(
      `[vars.pin]
sensitive = true
default = "4711-very-secret"
[[checks]]
assert = "vars.pin == 'x' && vms.web.name != ''"
message = "the pin is \${vars.pin}"`,
      "plan",
    );
    expect(stderr).toBe(`Error: The check "1" fails: the pin is \${vars.pin} [config/check-failed]
  at lab.toml:13:10
  13 | assert = "vars.pin == 'x' && vms.web.name != ''"
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  vars.pin = (sensitive)
  vms.web.name = "web"
`);
  });
});

describe("a check that reads what only apply tells", () => {
  const port = (limit: number, severity = "error") => `[[checks]]
name = "port"
assert = "vms.web.ports['80'] < ${limit}"
message = "port \${vms.web.ports['80']} is too high"
severity = "${severity}"
`;

  test("is noted in the plan and passes in silence", async () => {
    expect(await run(port(65536), "plan")).toEqual({
      code: 0,
      stderr: "",
      said: ['Note: the check "port" is evaluated at the end of apply'],
    });
    const { code, stderr } = await run(port(65536), "apply", "--yes");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("fails the apply at its end, and what was made stays", async () => {
    const { code, said } = await run(port(1024), "apply", "--yes");
    expect(code).toBe(1);
    expect(said.join("\n").replaceAll(/\d{5}/g, "PORT")).toBe(
      `Note: the check "port" is evaluated at the end of apply
Error: The check "port" fails: port PORT is too high [config/check-failed]
Apply complete, but a check fails: 3 created in 0ms.
  The check "port" fails: port PORT is too high`.replace("0ms", /in (\S+)\.$/.exec(said[2] ?? "")?.[1] ?? ""),
    );
    expect(JSON.parse(await lab.succeed("list", "--json"))).toHaveLength(2);
    // Now it is known, and so the next plan is refused.
    expect((await lab.vmlab(["plan"])).stderr).toContain('Error: The check "port" fails');
    await lab.write("lab.toml", LAB(port(1024, "warning")));
    expect(await lab.vmlab(["plan"])).toMatchObject({ code: 0 });
  });

  test("waits again when the machine is about to be made anew", async () => {
    await run(port(65536), "apply", "--yes");
    const { code, said } = await run(port(1024), "plan", "--replace", "vm.web");
    expect({ code, said }).toEqual({
      code: 0,
      said: ['Note: the check "port" is evaluated at the end of apply'],
    });
  });

  test("is told as not evaluated when what it reads was not made", async () => {
    const { code, said } = await run(port(65536), "apply", "--yes", "--target", "vm.db");
    expect({ code, said }).toEqual({
      code: 0,
      said: [
        'Note: the check "port" is evaluated at the end of apply',
        'the check "port" was not evaluated: vm.web has not told what it reads',
      ],
    });
  });
});

describe("a check that is wrong", () => {
  test.each([
    ["vms.wbe.memory > 1", 'There is no VM "wbe"', "15", "wbe"],
    ["vms.web.memory +", "Unexpected token: EOF", "27", "?"],
    ["vms.web.memory", "The assertion is neither true nor false", "11", "vms.web.memory"],
    ["vms.all(n, n > 1)", "no such overload: dyn<string> > int", "22", "n > 1"],
  ])("%s: the message points into it", async (assertion, summary, column, marked) => {
    const { code, stderr } = await run(`[[checks]]\nassert = "${assertion}"\nmessage = "m"`, "validate");
    expect(code).toBe(1);
    expect(stderr).toContain(`Error: ${summary} [config/bad-expression]\n  at lab.toml:10:${column}\n`);
    expect(stderr).toContain(` ${"^".repeat(marked.length)}\n`);
  });

  test("an included file adds its own, and is named", async () => {
    await lab.write("more.toml", '[[checks]]\nassert = "1 == 2"\nmessage = "sums"\n[[checks]]\nasert = "x"');
    await lab.write(
      "lab.toml",
      'lab = { name = "demo", include = ["more.toml"] }\n[[checks]]\nassert = "1 == 1"\nmessage = "m"',
    );
    expect((await lab.vmlab(["validate"])).stderr).toBe(`Error: checks[2] lacks assert [config/missing-key]
  at more.toml:4:3
  4 | [[checks]]
    |   ^^^^^^
  A CEL condition, without \${…}. On a table such as vms, all and exists see the names.
  Hint: Add: assert = …

Error: checks[2] lacks message [config/missing-key]
  at more.toml:4:3
  4 | [[checks]]
    |   ^^^^^^
  What to say when it does not hold. Its expressions stand in \${…}.
  Hint: Add: message = …

Error: checks[2] has no setting "asert" [config/unknown-key]
  at more.toml:5:1
  5 | asert = "x"
    | ^^^^^
  Hint: Did you mean "assert"?

3 errors.
`);
  });
});
