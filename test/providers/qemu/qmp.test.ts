import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { QmpConnection, type QmpEvent } from "../../../providers/qemu/qmp.ts";

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": []}}\r\n';

let folder: string;
let path: string;
let server: Server | undefined;
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vq-"));
  path = join(folder, "qmp.sock");
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

type Command = { execute: string; id: string; arguments?: Record<string, unknown> };

/** A QEMU that answers capabilities by itself and everything else with `answer`. */
async function fakeQemu(
  answer: (command: Command, socket: Socket) => void,
  greeting = GREETING,
): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.write(greeting);
    let rest = "";
    socket.on("data", (data) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const command = JSON.parse(line) as Command;
        if (command.execute === "qmp_capabilities") socket.write(`{"return": {}, "id": "${command.id}"}\r\n`);
        else answer(command, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}

test("commands are answered by id, in any order and any chunks, between events", async () => {
  const waiting: Command[] = [];
  await fakeQemu((command, socket) => {
    waiting.push(command);
    if (waiting.length < 2) return;
    const text = waiting
      .reverse()
      .map((c) => `{"return": {"was": "${c.execute}"}, "id": "${c.id}"}\r\n`)
      .join('{"event": "STOP", "timestamp": {}, "data": {"a": 1}}\r\n');
    for (const part of text.match(/.{1,7}/gs) ?? []) socket.write(part);
  });
  const qmp = await QmpConnection.open(nodeEffects(), path);
  const events: QmpEvent[] = [];
  qmp.onEvent((event) => events.push(event));
  expect(await Promise.all([qmp.execute("one"), qmp.execute("two")])).toEqual([
    { was: "one" },
    { was: "two" },
  ]);
  expect(events).toEqual([{ event: "STOP", data: { a: 1 } }]);
  qmp.close();
});

test("an error keeps QEMU's class and words", async () => {
  await fakeQemu((command, socket) => {
    socket.write(`{"id": "${command.id}", "error": {"class": "DeviceNotFound", "desc": "no disk"}}\r\n`);
  });
  const qmp = await QmpConnection.open(nodeEffects(), path);
  await expect(qmp.execute("eject")).rejects.toMatchObject({
    name: "QmpError",
    errorClass: "DeviceNotFound",
    message: "eject: no disk",
  });
  qmp.close();
});

test("the human monitor's text is handed on as it is", async () => {
  await fakeQemu((command, socket) => {
    socket.write(
      `${JSON.stringify({ id: command.id, return: `ran ${String(command.arguments?.["command-line"])}\r\n` })}\r\n`,
    );
  });
  const qmp = await QmpConnection.open(nodeEffects(), path);
  expect(await qmp.monitor("info usernet")).toBe("ran info usernet\r\n");
  qmp.close();
});

test("an answer that does not come ends at the deadline, an abort at once, a lost connection for all that wait", async () => {
  await fakeQemu((command, socket) => {
    if (command.execute === "die") socket.destroy();
  });
  const qmp = await QmpConnection.open(nodeEffects(), path);
  await expect(qmp.execute("silent", {}, { timeoutMs: 20 })).rejects.toMatchObject({
    name: "QmpConnectionError",
    message: "QEMU's monitor did not answer silent within 20 ms",
  });
  const abort = new AbortController();
  const aborted = qmp.execute("silent", {}, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  const [lost, died] = await Promise.allSettled([qmp.execute("silent"), qmp.execute("die")]);
  expect([lost, died]).toMatchObject([
    { status: "rejected", reason: { name: "QmpConnectionError" } },
    { status: "rejected", reason: { name: "QmpConnectionError" } },
  ]);
  await expect(qmp.execute("late")).rejects.toMatchObject({ name: "QmpConnectionError" });
});

test("a monitor that serves another client, or nobody, is told as such", async () => {
  await expect(QmpConnection.open(nodeEffects(), path)).rejects.toMatchObject({ name: "QmpConnectionError" });
  await fakeQemu(() => undefined, "");
  await expect(QmpConnection.open(nodeEffects(), path, { timeoutMs: 20 })).rejects.toMatchObject({
    message: "QEMU's monitor did not answer greeting within 20 ms",
  });
});
