import { expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { gone } from "../../support/cli-lab.ts";

const { processes } = nodeEffects();

test("a program that somebody kills takes its group with it, though others hold its output open", async () => {
  let child = 0;
  const result = await processes.run("sh", ["-c", "sleep 300 & echo $$ $!; wait"], {
    ownGroup: true,
    onLine: (line) => {
      const [leader = 0, other = 0] = line.split(" ").map(Number);
      child = other;
      process.kill(leader, "SIGKILL");
    },
  });
  expect(result).toMatchObject({ code: null, signal: "SIGKILL", timedOut: false });
  await gone(child, 10_000);
});

test("what a program leaves running when it ends by itself goes on, and nobody waits for it", async () => {
  const { code, stdout } = await processes.run("sh", ["-c", "sleep 300 & echo $!; exit 3"], {
    ownGroup: true,
  });
  const child = Number(stdout);
  expect(code).toBe(3);
  expect((await processes.identify(child))?.commandLine).toEqual(["sleep", "300"]);
  await processes.signal(child, "SIGKILL");
});
