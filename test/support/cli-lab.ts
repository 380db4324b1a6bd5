/** A lab driven as a user drives it: `node dist/vmlab.js` in a folder of its own, with a VMLAB_HOME of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const VMLAB = join(import.meta.dirname, "../../dist/vmlab.js");

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout and stderr as they came. */
  readonly all: string;
}

/** A signal for vmlab, sent once, as soon as it printed something. */
export interface SignalOn {
  readonly when: RegExp;
  readonly send: NodeJS.Signals;
  /** Milliseconds between the two. */
  readonly afterMs?: number;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  /** Sent in this order: the second is waited for only after the first was sent. */
  readonly signals?: readonly SignalOn[];
  /** Called with everything printed so far, whenever something is printed. */
  readonly watch?: (printed: string) => void;
  readonly killAfterMs?: number;
  readonly input?: string;
}

/** What `vmlab list --json` says of a VM. */
export interface ListedVm {
  readonly name: string;
  readonly state: string;
  readonly phase: string;
  readonly memory: number;
  readonly disk: number;
  readonly image: string;
  readonly ssh_port?: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly note?: string;
}

export class CliLab {
  readonly root: string;
  readonly folder: string;
  readonly home: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(root: string, home: string) {
    this.root = root;
    this.folder = join(root, "lab");
    this.home = home;
  }

  /** Short paths: Unix sockets lie below VMLAB_HOME. */
  static async create(toml: string, home?: string): Promise<CliLab> {
    const root = await mkdtemp(join(tmpdir(), "vl-"));
    const lab = new CliLab(root, home ?? join(root, "h"));
    await mkdir(lab.folder);
    await lab.write(toml);
    return lab;
  }

  write(text: string, path = "lab.toml"): Promise<void> {
    return writeFile(join(this.folder, path), text);
  }

  read(path = "lab.toml"): Promise<string> {
    return readFile(join(this.folder, path), "utf8");
  }

  /** Runs vmlab to its end, whatever that is. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const env = {
        ...process.env,
        HOME: this.root,
        VMLAB_HOME: this.home,
        VMLAB_ACCEL: "tcg",
        NO_COLOR: "1",
        ...options.env,
      };
      const child = spawn(process.execPath, [VMLAB, "-C", this.folder, ...args], {
        env,
        stdio: ["pipe", "pipe", "pipe"],
      });
      this.#running.add(child);
      let stdout = "";
      let stderr = "";
      let all = "";
      const timers: NodeJS.Timeout[] = [];
      const signals = [...(options.signals ?? [])];
      const took = (text: string) => {
        all += text;
        options.watch?.(all);
        for (let next = signals[0]; next?.when.test(all); next = signals[0]) {
          const { send, afterMs } = next;
          signals.shift();
          if (afterMs === undefined) child.kill(send);
          else timers.push(setTimeout(() => child.kill(send), afterMs));
        }
      };
      child.stdout.on("data", (data: Buffer) => {
        stdout += data.toString();
        took(data.toString());
      });
      child.stderr.on("data", (data: Buffer) => {
        stderr += data.toString();
        took(data.toString());
      });
      if (options.killAfterMs !== undefined)
        timers.push(setTimeout(() => child.kill("SIGKILL"), options.killAfterMs));
      // A command that ends early closes its end of the pipe.
      child.stdin.on("error", () => undefined);
      child.stdin.end(options.input ?? "");
      child.on("error", reject);
      child.on("close", (code, signal) => {
        this.#running.delete(child);
        for (const timer of timers) clearTimeout(timer);
        resolve({ code, signal, stdout, stderr, all });
      });
    });
  }

  /** Runs vmlab and fails with everything it printed unless it exits with 0. */
  async ok(...args: string[]): Promise<string> {
    const ran = await this.run(args);
    if (ran.code !== 0)
      throw new Error(`vmlab ${args.join(" ")} ended with ${ran.code ?? ran.signal}:\n${ran.all}`);
    return ran.stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.ok(...args)) as T;
  }

  /** Runs vmlab and fails unless it exits with 1; resolves with what it said on standard error. */
  async refused(...args: string[]): Promise<string> {
    const ran = await this.run(args);
    if (ran.code !== 1)
      throw new Error(`vmlab ${args.join(" ")} ended with ${ran.code ?? ran.signal}, not 1:\n${ran.all}`);
    return ran.stderr;
  }

  /** What a shell command in a guest prints. */
  async guest(name: string, command: string): Promise<string> {
    return (await this.ok("exec", name, "--", command)).trim();
  }

  /** The lines of `vmlab plan` for changes and notes, without numbers, estimates and alignment. */
  async changes(...options: string[]): Promise<string[]> {
    const text = await this.ok("plan", ...options);
    return text.split("\n").flatMap((line) => {
      if (line.startsWith("Note: ") || line.startsWith("Data loss: ")) return [line];
      const change = /^ +\d+ +(.*)$/.exec(line)?.[1];
      return change === undefined
        ? []
        : [change.replace(/ {2,}~\d[\dhms ]*?(?= {2,}|$)/, "").replace(/ {2,}/g, "  ")];
    });
  }

  /** The reasons of one change, as the plan's JSON has them. */
  async reasons(address: string): Promise<unknown> {
    const { vmlab } = await this.json<{
      vmlab: { changes: { address: string; reasons: unknown }[] };
    }>("plan", "--json");
    return vmlab.changes.find((change) => change.address === address)?.reasons;
  }

  async vm(name: string): Promise<ListedVm> {
    const found = (await this.json<ListedVm[]>("list", "--json")).find((vm) => vm.name === name);
    if (found === undefined) throw new Error(`vmlab list does not show ${name}`);
    return found;
  }

  /** Instance id of a VM, from the state. */
  async instance(name: string): Promise<string> {
    const state = JSON.parse(await this.ok("state", "pull")) as {
      resources: Record<string, { instance?: string }>;
    };
    const id = state.resources[`vm.${name}`]?.instance;
    if (id === undefined) throw new Error(`vm.${name} has no instance`);
    return id;
  }

  /** Instance ids that have a folder, finished or not. */
  async vmFolders(): Promise<string[]> {
    return (await this.list("vms")).sort();
  }

  /** Entries of a folder under VMLAB_HOME; none when it does not exist. */
  list(folder: string): Promise<string[]> {
    return readdir(join(this.home, folder)).catch(() => []);
  }

  /** Pid of a VM's QEMU, from the pid file that QEMU writes. */
  async pid(name: string): Promise<number> {
    return Number(await readFile(join(this.home, "vms", await this.instance(name), "qemu.pid"), "utf8"));
  }

  /** Pids of the QEMU processes of this VMLAB_HOME: each names its folder in its command line. */
  async machines(): Promise<number[]> {
    const pids: number[] = [];
    for (const entry of await readdir("/proc")) {
      if (!/^[0-9]+$/.test(entry)) continue;
      const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
      if (command.startsWith("qemu") && command.includes(`${this.home}/`)) pids.push(Number(entry));
    }
    return pids;
  }

  /** Ends what still runs, by pid, and removes everything. */
  async dispose(): Promise<void> {
    const children = [...this.#running];
    for (const child of children) child.kill("SIGKILL");
    for (const pid of await this.machines()) await killed(pid);
    await rm(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** Ends a process as the out-of-memory killer does, and resolves when it is gone. */
export async function killed(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return;
  }
  await gone(pid);
}

/** Resolves when a process has ended; the kernel takes its time to clear up after one with much memory. */
export async function gone(pid: number, timeoutMs = 60_000): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (await alive(pid)) {
    if (Date.now() > until) throw new Error(`process ${pid} still runs`);
    await pause(50);
  }
}

async function alive(pid: number): Promise<boolean> {
  // A zombie has ended: only its parent has not asked yet.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) Z/s.test(stat);
}
