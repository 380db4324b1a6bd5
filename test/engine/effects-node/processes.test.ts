import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseProcStat, parsePsLine } from "../../../engine/effects-node/identify-process.ts";
import { parsePsUsage } from "../../../engine/effects-node/process-usage.ts";
import { lineSplitter } from "../../../engine/effects-node/split-lines.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const folder = temporaryFolders();
const { processes, clock } = nodeEffects();

describe("run", () => {
  test("reports exit code, both streams, input and added environment", async () => {
    const lines: string[] = [];
    const result = await processes.run("sh", ["-c", 'cat; echo "$WORD" >&2; exit 3'], {
      input: "in\nput",
      env: { WORD: "hello" },
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    expect(result).toEqual({ code: 3, stdout: "in\nput", stderr: "hello\n", timedOut: false });
    expect(lines.sort()).toEqual(["stderr: hello", "stdout: in", "stdout: put"]);
  });

  test("programs do not see the values of variables, unless they are given", async () => {
    process.env.VMLAB_VAR_pin = "1234";
    process.env.OTHER = "seen";
    try {
      const show = ["-c", 'echo "$OTHER $VMLAB_VAR_pin"'];
      expect((await processes.run("sh", show)).stdout).toBe("seen \n");
      expect((await processes.run("sh", show, { env: { VMLAB_VAR_pin: "5" } })).stdout).toBe("seen 5\n");
      const said: string[] = [];
      const open = await processes.open("sh", show);
      for await (const data of open.stdout) said.push(Buffer.from(data).toString());
      expect(said).toEqual(["seen \n"]);
    } finally {
      delete process.env.VMLAB_VAR_pin;
      delete process.env.OTHER;
    }
  });

  test("a missing program is ENOENT", async () => {
    await expect(processes.run("vmlab-no-such-program", [])).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a death by signal is a result", async () => {
    expect(await processes.run("sh", ["-c", "kill -KILL $$"])).toMatchObject({
      code: null,
      signal: "SIGKILL",
    });
  });

  test("a time-out ends the whole group", async () => {
    const pidFile = join(await folder(), "pid");
    const result = await processes.run("sh", ["-c", `sleep 600 & echo $! > ${pidFile}; wait`], {
      ownGroup: true,
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ code: null, timedOut: true });
    await untilGone(Number(await readFile(pidFile, "utf8")));
  });

  test("an abort ends the whole group and rejects with the reason", async () => {
    const pidFile = join(await folder(), "pid");
    const reason = new Error("interrupted");
    const controller = new AbortController();
    await expect(
      processes.run("sh", ["-c", `sleep 600 & echo $! > ${pidFile}; echo started; wait`], {
        ownGroup: true,
        signal: controller.signal,
        onLine: () => controller.abort(reason),
      }),
    ).rejects.toBe(reason);
    await untilGone(Number(await readFile(pidFile, "utf8")));
  });
});

describe("open", () => {
  test("hands the streams on as they come, both ways", async () => {
    const said: string[] = [];
    const program = await processes.open(
      "sh",
      ["-c", "read a; echo got $a; read b; echo and $b >&2; exit 3"],
      {
        onStderr: (data) => said.push(data.toString()),
      },
    );
    await program.write(Buffer.from("one\n"));
    for await (const data of program.stdout) {
      said.push(Buffer.from(data).toString());
      await program.write(Buffer.from("two\n"));
      program.closeInput();
    }
    expect(await program.ended).toBe(3);
    expect(said).toEqual(["got one\n", "and two\n"]);
    // It takes no more, and that is no error.
    await program.write(Buffer.alloc(1024 * 1024));
    program.stop();
  });

  test("a missing program is ENOENT", async () => {
    await expect(processes.open("vmlab-no-such-program", [])).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each(["an abort", "stop"])("%s ends the whole group, also when nobody reads", async (how) => {
    const pidFile = join(await folder(), "pid");
    const controller = new AbortController();
    const program = await processes.open(
      "sh",
      ["-c", `sleep 600 & echo $! > ${pidFile}; echo started >&2; yes`],
      { signal: controller.signal, onStderr: () => (how === "stop" ? program.stop() : controller.abort()) },
    );
    expect(await program.ended).toBe(143);
    await untilGone(Number(await readFile(pidFile, "utf8")));
  });
});

test("startDetached resolves once the program runs, in a session of its own, logging to the file", async () => {
  const logFile = join(await folder(), "log");
  const pid = await processes.startDetached("sh", ["-c", "echo $WORD; exec sleep 600"], {
    logFile,
    env: { WORD: "hi" },
  });
  try {
    expect((await processes.identify(pid))?.pid).toBe(pid);
    const session = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[3];
    expect(session).toBe(String(pid));
    while ((await readFile(logFile, "utf8")) !== "hi\n") await clock.sleep(5);
  } finally {
    expect(await processes.signal(pid, "SIGKILL")).toBe(true);
  }
  await untilGone(pid);
  expect(await processes.signal(pid, "SIGTERM")).toBe(false);
  await expect(processes.startDetached("vmlab-no-such-program", [], { logFile })).rejects.toMatchObject({
    code: "ENOENT",
  });
});

test("identify tells this process apart by its start time and knows nobody under an unused pid", async () => {
  const self = await processes.identify(processes.self);
  expect(self?.commandLine[0]).toContain("node");
  expect(self?.startTime).toMatch(/^\d+$/);
  expect(await processes.identify(2 ** 22 + 1)).toBeUndefined();
  expect(await processes.identify(0)).toBeUndefined();
});

test("usage tells CPU time and memory of a process, and nothing of one that is gone", async () => {
  const before = await processes.usage(processes.self);
  expect(before?.startTime).toBe((await processes.identify(processes.self))?.startTime);
  const ours = process.memoryUsage().rss;
  expect(Math.abs((before?.resident ?? 0) - ours) / ours).toBeLessThan(0.05);
  const spentMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  for (const until = spentMs() + 100; spentMs() < until; ) JSON.parse("[1]");
  expect((await processes.usage(processes.self))?.cpuMs).toBeGreaterThan(before?.cpuMs ?? 0);
  expect(await processes.usage(2 ** 22 + 1)).toBeUndefined();
  expect(await processes.usage(0)).toBeUndefined();
});

test("CPU time and memory are read right of what ps prints", () => {
  expect(parsePsUsage("Ss   Sun Nov  2 21:20:57 2026  24576  1-02:03:04.56\n")).toEqual({
    startTime: "Sun Nov 2 21:20:57 2026",
    cpuMs: 93_784_560,
    resident: 24 * 1024 ** 2,
  });
  expect(parsePsUsage("S Sun Nov 2 21:20:57 2026 1024 0:01.50")).toMatchObject({ cpuMs: 1500 });
  expect(parsePsUsage("Z Sun Nov 2 21:20:57 2026 0 0:00.00")).toBeUndefined();
  expect(parsePsUsage("")).toBeUndefined();
});

test("a stat line whose name holds parentheses and spaces is read right", () => {
  const tail = "S 1 5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 99";
  expect(parseProcStat(`12 (a) b (c) ${tail}\n`)).toEqual({ state: "S", cpuTicks: 11, startTime: "4242" });
  expect(parseProcStat("12 (cut")).toBeUndefined();
});

test("a line of ps is read right", () => {
  expect(parsePsLine("Ss   Sun Nov  2 21:20:57 2026 /usr/bin/qemu -name web\n")).toEqual({
    state: "Ss",
    startTime: "Sun Nov 2 21:20:57 2026",
    command: "/usr/bin/qemu -name web",
  });
  expect(parsePsLine("")).toBeUndefined();
});

test("signals to every process or to the own group are refused", async () => {
  for (const pid of [0, -1, Number.NaN]) {
    await expect(processes.signal(pid, "SIGTERM")).rejects.toThrow("not a process");
  }
});

test("which finds programs on PATH only when they can be run", async () => {
  expect(await processes.which("sh")).toMatch(/\/sh$/);
  expect(await processes.which("vmlab-no-such-program")).toBeUndefined();
  expect(await processes.which("/etc/passwd")).toBeUndefined();
});

test("lines end with LF, CR LF or CR, also when cut between chunks", () => {
  const lines: string[] = [];
  const splitter = lineSplitter((line) => lines.push(line));
  for (const chunk of ["a\r", "\nb\r", "c\n\nd", "e\nré".slice(0, 3)]) splitter.push(Buffer.from(chunk));
  const euro = Buffer.from("€");
  splitter.push(euro.subarray(0, 1));
  splitter.push(euro.subarray(1));
  splitter.end();
  expect(lines).toEqual(["a", "b", "c", "", "de", "r€"]);
});

async function untilGone(pid: number): Promise<void> {
  while ((await processes.identify(pid)) !== undefined) await clock.sleep(5);
}
