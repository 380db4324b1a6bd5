import { expect, test } from "@jest/globals";
import type { Effects, OpenOptions } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { SshAccess } from "../../../providers/provider.ts";
import { runInGuest } from "../../../providers/qemu/guest-shell.ts";
import { openInGuest } from "../../../providers/qemu/open-guest.ts";

const access: SshAccess = { host: "127.0.0.1", port: 2222, user: "lab", options: {} };
const dropped = {
  code: 255,
  stdout: "",
  stderr: "kex_exchange_identification: Connection closed by remote host\r\n",
};

/** ssh answers with these results, one after another. */
function answering(...results: { code: number; stdout: string; stderr: string }[]) {
  const pauses: number[] = [];
  let runs = 0;
  const effects = {
    processes: {
      run: async () => ({
        signal: null,
        timedOut: false,
        ...results[Math.min(runs++, results.length - 1)],
      }),
    },
    clock: {
      sleep: async (ms: number) => {
        pauses.push(ms);
      },
    },
  } as unknown as Effects;
  return { effects, pauses, runs: () => runs };
}

test("a connection that the server drops before the login is made again", async () => {
  const ssh = answering(dropped, dropped, { code: 0, stdout: "hi\n", stderr: "" });
  expect((await runInGuest(ssh.effects, access, { command: "echo hi" })).stdout).toBe("hi\n");
  expect(ssh.pauses).toEqual([500, 1000]);
});

test("it is given up after some attempts, and not tried again where the caller does so itself", async () => {
  const ssh = answering(dropped);
  expect((await runInGuest(ssh.effects, access, { command: "true" })).code).toBe(255);
  expect(ssh.runs()).toBe(5);
  const once = answering(dropped);
  await runInGuest(once.effects, access, { command: "true", once: true });
  expect(once.runs()).toBe(1);
});

test("a command that ran is never run again, whatever it said and however it ended", async () => {
  for (const result of [
    { code: 255, stdout: "", stderr: "Connection closed by remote host\n" },
    { code: 255, stdout: "begun\n", stderr: dropped.stderr },
    { code: 255, stdout: "", stderr: `step 1\n${dropped.stderr}` },
    { code: 1, stdout: "", stderr: dropped.stderr },
  ]) {
    const ssh = answering(result);
    expect((await runInGuest(ssh.effects, access, { command: "true" })).code).toBe(result.code);
    expect(ssh.runs()).toBe(1);
  }
});

test("with open streams it is made again too, and what was written meanwhile is written again", async () => {
  const real = nodeEffects();
  const said: string[] = [];
  let opened = 0;
  const effects = {
    clock: { ...real.clock, sleep: async (ms: number) => void said.push(`pause ${ms}`) },
    processes: {
      ...real.processes,
      // The first two connections are dropped.
      open: async (_program: string, _args: readonly string[], options?: OpenOptions) => {
        opened += 1;
        const script = opened < 3 ? `printf '${dropped.stderr}' >&2; exit 255` : "cat; echo done >&2; exit 4";
        return await real.processes.open("sh", ["-c", script], options);
      },
    },
  };
  const process = await openInGuest(
    effects,
    access,
    "cat",
    { onStderr: (data) => said.push(data.toString()) },
    new AbortController().signal,
  );
  await process.write(Buffer.from("one "));
  await process.write(Buffer.from("two"));
  process.closeInput();
  for await (const data of process.stdout) said.push(Buffer.from(data).toString());
  expect(await process.ended).toBe(4);
  expect(said).toEqual(["pause 500", "pause 1000", "one two", "done\n"]);
});

test.each([
  ["Permission denied (publickey).", 255],
  ["kex", 1],
])("%s with exit code %d is handed on, and the connection not made again", async (text, code) => {
  const real = nodeEffects();
  const said: string[] = [];
  const processes = {
    ...real.processes,
    open: (_program: string, _args: readonly string[], options?: OpenOptions) =>
      real.processes.open("sh", ["-c", `printf '${text}' >&2; exit ${code}`], options),
  };
  const process = await openInGuest(
    { ...real, processes },
    access,
    "true",
    { onStderr: (data) => said.push(data.toString()) },
    new AbortController().signal,
  );
  for await (const _ of process.stdout);
  expect([await process.ended, said.join("")]).toEqual([code, text]);
});
