/** A lab driven as a user drives it: `node dist/vmlab.js` in a folder of its own, with a VMLAB_HOME of its own. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const VMLAB = join(import.meta.dirname, "../../dist/vmlab.js");

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout and stderr as they came. */
  readonly all: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  /** Called with everything printed so far; return a signal to send it to vmlab once. */
  readonly watch?: (printed: string) => NodeJS.Signals | undefined;
  readonly killAfterMs?: number;
  readonly input?: string;
}

export class CliLab {
  readonly root: string;
  readonly folder: string;
  readonly home: string;

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

  write(toml: string, path = "lab.toml"): Promise<void> {
    return writeFile(join(this.folder, path), toml);
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
      let stdout = "";
      let stderr = "";
      let all = "";
      let signalled = false;
      const took = (text: string) => {
        all += text;
        const signal = signalled ? undefined : options.watch?.(all);
        if (signal === undefined) return;
        signalled = true;
        child.kill(signal);
      };
      child.stdout.on("data", (data: Buffer) => {
        stdout += data.toString();
        took(data.toString());
      });
      child.stderr.on("data", (data: Buffer) => {
        stderr += data.toString();
        took(data.toString());
      });
      const timer =
        options.killAfterMs === undefined
          ? undefined
          : setTimeout(() => child.kill("SIGKILL"), options.killAfterMs);
      child.stdin.end(options.input ?? "");
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
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

  /** Instance id of a VM, from the state. */
  async instance(name: string): Promise<string> {
    const state = JSON.parse(await this.ok("state", "pull")) as {
      resources: Record<string, { instance?: string }>;
    };
    const id = state.resources[`vm.${name}`]?.instance;
    if (id === undefined) throw new Error(`vm.${name} has no instance`);
    return id;
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
    for (const pid of await this.machines()) process.kill(pid, "SIGKILL");
    await rm(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}
