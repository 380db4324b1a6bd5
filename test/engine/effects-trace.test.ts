import { expect, test } from "@jest/globals";
import { nodeEffects } from "../../engine/effects-node.ts";
import { type ProgramTrace, tracedProcesses } from "../../engine/effects-trace.ts";

function rig() {
  const told: ProgramTrace[] = [];
  const { processes } = nodeEffects();
  let now = 0;
  const clock = { now: () => (now += 5) };
  return { told, traced: tracedProcesses(processes, clock, (trace) => told.push(trace)) };
}

test("every program is told of with its arguments, its time and its end", async () => {
  const { told, traced } = rig();
  await traced.run("sh", ["-c", "exit 3"], { input: "a secret" });
  await traced.run("no-such-program", []).catch(() => undefined);
  const opened = await traced.open("cat", ["/dev/null"]);
  for await (const _ of opened.stdout);
  await opened.ended;
  expect(told).toEqual([
    { argv: ["sh", "-c", "exit 3"], durationMs: 5, outcome: "exit 3" },
    { argv: ["no-such-program"], durationMs: 5, outcome: "ENOENT" },
    { argv: ["cat", "/dev/null"], durationMs: 5, outcome: "exit 0" },
  ]);
});

test("what a user runs in a guest is left out", async () => {
  const { told, traced } = rig();
  await traced.run("ssh", ["-V", "--", "mysql -phunter2"]);
  expect(told[0]?.argv).toEqual(["ssh", "-V", "--", "…"]);
});
