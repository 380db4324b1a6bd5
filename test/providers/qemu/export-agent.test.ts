/** Freezing and its undoing, with sockets that answer as QEMU and the guest agent do. */

import { mkdir } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { clearAbandonedWork } from "../../../providers/qemu/abandoned-work.ts";
import { endAbandonedCopies, writeNote } from "../../../providers/qemu/export/copy-note.ts";
import { GuestAgent } from "../../../providers/qemu/export/guest-agent.ts";
import { copyLive } from "../../../providers/qemu/export/live-copy.ts";
import type { RunningMachine } from "../../../providers/qemu/ready.ts";
import { uuidOf, type VmFolder, vmFolder } from "../../../providers/qemu/vm-folder.ts";
import { diagnosticsOf } from "../../support/image-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

interface Question {
  readonly execute: string;
  readonly arguments?: Record<string, unknown>;
  readonly id?: string;
}

const temporary = temporaryFolders();
const servers: Server[] = [];
const sockets: Socket[] = [];
let folder: VmFolder;

beforeEach(async () => {
  folder = vmFolder(homeFrom({ VMLAB_HOME: await temporary() }), "0123456789ab");
  await mkdir(folder.root, { recursive: true });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Answers each line that is JSON; `garbled` is called for one that is not. */
function listen(
  path: string,
  answer: (question: Question, socket: Socket) => void,
  hello?: string,
): Promise<void> {
  const server = createServer((socket) => {
    sockets.push(socket);
    if (hello !== undefined) socket.write(hello);
    let rest = "";
    socket.on("data", (data) => {
      const lines = (rest + data.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) answer(JSON.parse(line.replaceAll("\xff", "")) as Question, socket);
    });
  });
  servers.push(server);
  return new Promise((resolve) => server.listen(path, resolve));
}

/** An agent that first complains about the byte that it is woken with, and answers somebody before. */
function agent(asked: string[], still = 2): Promise<void> {
  return listen(folder.agentSocket, ({ execute, arguments: args }, socket) => {
    asked.push(execute);
    if (execute === "guest-sync-delimited") {
      const complaint = '{"error": {"class": "GenericError", "desc": "JSON parse error, stray \xff"}}';
      socket.write(
        Buffer.from(`${complaint}\n{"return": 7}\n\xff{"return": ${Number(args?.id)}}\n`, "latin1"),
      );
    } else socket.write(`{"return": ${still}}\n`);
  });
}

describe("the guest agent", () => {
  test("is told apart from answers to others, freezes and thaws", async () => {
    const asked: string[] = [];
    await agent(asked);
    const open = await GuestAgent.open(nodeEffects(), folder.agentSocket);
    expect([await open.freeze(5000), await open.thaw(5000)]).toEqual([2, 2]);
    open.close();
    expect(asked).toEqual(["guest-sync-delimited", "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]);
  });

  test("that is not there is not waited for longer than asked", async () => {
    await listen(folder.agentSocket, () => undefined);
    await expect(GuestAgent.open(nodeEffects(), folder.agentSocket, 50)).rejects.toThrow(
      "the guest agent does not answer guest-sync-delimited",
    );
  });

  test("that refuses says why", async () => {
    await listen(folder.agentSocket, ({ execute, arguments: args }, socket) =>
      socket.write(
        execute === "guest-sync-delimited"
          ? `{"return": ${Number(args?.id)}}\n`
          : '{"error": {"class": "CommandNotFound", "desc": "has been disabled"}}\n',
      ),
    );
    const open = await GuestAgent.open(nodeEffects(), folder.agentSocket);
    await expect(open.freeze(5000)).rejects.toThrow("guest-fsfreeze-freeze: has been disabled");
    open.close();
  });
});

describe("a guest that was made to stand still for a copy that fails", () => {
  const identity = { pid: 4242, startTime: "1" };
  const real = nodeEffects();
  const effects: Effects = {
    ...real,
    processes: {
      ...real.processes,
      identify: async () => ({ ...identity, commandLine: ["qemu", "-uuid", uuidOf(folder.id)] }),
      run: async () => ({ code: 0, stdout: '{"virtual-size": 1048576}', stderr: "", timedOut: false }),
    },
  };
  const call = {
    ...{ progress: () => undefined, output: () => undefined },
    signal: new AbortController().signal,
  };
  const copy = () => ({ active: join(folder.root, "a"), target: join(folder.root, "b"), freeze: true });
  const running = () =>
    ({
      folder,
      machine: identity,
      vm: { name: "web", layers: [{ file: "disk-0.qcow2" }] },
      access: {},
    }) as unknown as RunningMachine;
  const work = () => ({ effects, address: "vm.web", call, env: {} });
  const context = () => ({ effects, home: homeFrom({ VMLAB_HOME: folder.root }), imageDisk: () => "" });

  /** A monitor that refuses the copy, and an agent that freezes and does what `thaw` says. */
  async function refuseCopy(thaw: string): Promise<string[]> {
    const asked: string[] = [];
    await listen(folder.agentSocket, ({ execute, arguments: args }, socket) => {
      asked.push(execute);
      const answer = execute === "guest-sync-delimited" ? `{"return": ${Number(args?.id)}}` : '{"return": 1}';
      socket.write(`${execute === "guest-fsfreeze-thaw" ? thaw : answer}\n`);
    });
    await listen(
      folder.qmpSocket,
      ({ execute, id }, socket) => {
        const answers: Record<string, unknown> = { "query-jobs": [], "query-status": { status: "running" } };
        const error = { class: "GenericError", desc: "no such device" };
        const refused = execute === "blockdev-backup";
        socket.write(
          `${JSON.stringify({ ...(refused ? { error } : { return: answers[execute] ?? {} }), id })}\n`,
        );
      },
      '{"QMP": {}}\n',
    );
    return asked;
  }

  test("goes on before the failure is told", async () => {
    const asked = await refuseCopy('{"return": 1}');
    await expect(copyLive(context(), work(), running(), copy())).rejects.toThrow("no such device");
    expect(asked).toEqual(["guest-sync-delimited", "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]);
    expect(await effects.files.stat(folder.copyNote)).toBeUndefined();
  });

  test("and does not go on, is told of, and let go by whoever comes next", async () => {
    await refuseCopy('{"error": {"class": "GenericError", "desc": "busy"}}');
    const [told] = await diagnosticsOf(copyLive(context(), work(), running(), copy()));
    expect(told).toMatchObject({ code: "image/export-still-frozen", detail: "guest-fsfreeze-thaw: busy" });
    expect(await effects.files.stat(folder.copyNote)).toBeDefined();
  });
});

describe("a copy that a dead vmlab left", () => {
  const PID = 4242;
  /** Effects in which the VM's QEMU runs, and the writer of the note does as long as `alive` says. */
  const effectsWith = (alive: () => boolean): Effects => {
    const real = nodeEffects();
    return {
      ...real,
      processes: {
        ...real.processes,
        identify: async (pid) => {
          if (pid === PID) return { pid, startTime: "1", commandLine: ["qemu", "-uuid", uuidOf(folder.id)] };
          return alive() ? await real.processes.identify(pid) : undefined;
        },
      },
    };
  };

  test("is ended: the guest goes on, the job and its nodes go, and so does the note", async () => {
    const asked: string[] = [];
    let job: string | undefined = "running";
    await agent(asked);
    await listen(
      folder.qmpSocket,
      ({ execute, arguments: args, id }, socket) => {
        asked.push([execute, ...(args?.["node-name"] === undefined ? [] : [args["node-name"]])].join(" "));
        if (execute === "job-cancel") job = "concluded";
        if (execute === "job-dismiss") job = undefined;
        const jobs = job === undefined ? [] : [{ id: "vmlab-export", status: job }];
        const gone = execute === "blockdev-del" && args?.["node-name"] === "vmlab-export-file";
        const answers: Record<string, unknown> = {
          "query-jobs": jobs,
          "query-status": { status: "io-error" },
        };
        socket.write(
          gone
            ? `{"error": {"class": "GenericError", "desc": "Failed to find node with node-name='x'"}, "id": "${id}"}\n`
            : `${JSON.stringify({ return: answers[execute] ?? {}, id })}\n`,
        );
      },
      '{"QMP": {}}\n',
    );
    let alive = true;
    const effects = effectsWith(() => alive);
    const context = {
      effects,
      home: homeFrom({ VMLAB_HOME: join(folder.root, "../..") }),
      imageDisk: () => "",
    };
    await effects.files.write(folder.pidFile, `${PID}\n`);
    await writeNote(effects, folder, true);

    await clearAbandonedWork(context, folder);
    expect(asked).toEqual([]);
    expect(await effects.files.stat(folder.copyNote)).toBeDefined();

    alive = false;
    await clearAbandonedWork(context, folder);
    expect(asked).toEqual([
      "guest-sync-delimited",
      "guest-fsfreeze-thaw",
      "qmp_capabilities",
      "query-jobs",
      "job-cancel",
      "query-jobs",
      "job-dismiss",
      "blockdev-del vmlab-export",
      "blockdev-del vmlab-export-file",
      "query-status",
      "cont",
    ]);
    expect(await effects.files.stat(folder.copyNote)).toBeUndefined();
  });

  test("went with its machine: only the note has to go", async () => {
    const effects = effectsWith(() => false);
    const context = {
      effects,
      home: homeFrom({ VMLAB_HOME: join(folder.root, "../..") }),
      imageDisk: () => "",
    };
    await writeNote(effects, folder);
    await clearAbandonedWork(context, folder);
    expect(await effects.files.stat(folder.copyNote)).toBeUndefined();
  });

  test("is not forgotten before its guest goes on", async () => {
    const effects = effectsWith(() => false);
    const home = homeFrom({ VMLAB_HOME: join(folder.root, "../..") });
    const context = { effects, home, imageDisk: () => "" };
    let answers = false;
    await listen(folder.agentSocket, ({ execute, arguments: args }, socket) => {
      const sync = execute === "guest-sync-delimited";
      const busy = '{"error": {"class": "GenericError", "desc": "busy"}}';
      socket.write(`${sync ? `{"return": ${Number(args?.id)}}` : answers ? '{"return": 1}' : busy}\n`);
    });
    await listen(
      folder.qmpSocket,
      ({ execute, id }, socket) =>
        socket.write(`${JSON.stringify({ return: execute === "query-jobs" ? [] : {}, id })}\n`),
      '{"QMP": {}}\n',
    );
    await effects.files.write(folder.pidFile, `${PID}\n`);
    await writeNote(effects, folder, true);
    await clearAbandonedWork(context, folder);
    expect(await effects.files.stat(folder.copyNote)).toBeDefined();
    answers = true;
    await clearAbandonedWork(context, folder);
    expect(await effects.files.stat(folder.copyNote)).toBeUndefined();
  });

  test("of a machine that does not answer keeps nobody from the others", async () => {
    const effects = effectsWith(() => false);
    const home = homeFrom({ VMLAB_HOME: join(folder.root, "../..") });
    await effects.files.write(folder.pidFile, `${PID}\n`);
    const later = vmFolder(home, "ffffffffffff");
    await mkdir(later.root);
    for (const each of [folder, later]) await writeNote(effects, each);
    await endAbandonedCopies({ effects, home, imageDisk: () => "" });
    expect(await effects.files.stat(folder.copyNote)).toBeDefined();
    expect(await effects.files.stat(later.copyNote)).toBeUndefined();
  });

  test("may be done with by its owner while somebody looks", async () => {
    const real = nodeEffects();
    const home = homeFrom({ VMLAB_HOME: join(folder.root, "../..") });
    await writeNote(real, folder);
    const readText = async (path: string) => {
      await real.files.remove(path);
      return real.files.readText(path);
    };
    const effects = { ...real, files: { ...real.files, readText } };
    await clearAbandonedWork({ effects, home, imageDisk: () => "" }, folder);
  });
});
