import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { pidsInPsLines } from "../../../engine/effects-node/find-by-environment.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";

const { processes } = nodeEffects();

test("processes are found by a variable that they inherited, also when their parent is gone", async () => {
  const mark = `mark-${process.pid}`;
  // The shell prints the pid of a child in the background, and ends.
  const shell = spawn("sh", ["-c", "sleep 300 >/dev/null 2>&1 & echo $!"], {
    env: { ...process.env, VMLAB_TEST_MARK: mark },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(shell.stdout, "data")) as [Buffer];
  await once(shell, "close");
  const pid = Number(line.toString());
  try {
    expect(await processes.withEnvironment("VMLAB_TEST_MARK", mark)).toEqual([
      { pid, startTime: expect.stringMatching(/./), commandLine: ["sleep", "300"] },
    ]);
    expect(await processes.withEnvironment("VMLAB_TEST_MARK", mark.slice(0, -1))).toEqual([]);
    expect(await processes.withEnvironment("TEST_MARK", mark)).toEqual([]);
  } finally {
    process.kill(pid, "SIGKILL");
  }
});

test("what ps prints of an environment is read by whole words", () => {
  const lines =
    "  12 /usr/bin/packer build A=1 VMLAB_BUILD=abc B=2\n 345 qemu VMLAB_BUILD=abcd\n6 sh VMLAB_BUILD=abc\n";
  expect(pidsInPsLines(lines, "VMLAB_BUILD", "abc")).toEqual([12, 6]);
});
