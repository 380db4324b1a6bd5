/**
 * The effects port: every durable or outside effect of vmlab goes through it, so that a test can record, fail or
 * kill at each one by enumeration. `nodeEffects` (effects-node.ts) is the real one.
 *
 * Errors are Node's system errors (with `code`), never diagnostics: what an error means is the caller's knowledge.
 */

export interface Effects {
  readonly files: Files;
  readonly processes: Processes;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: Host;
}

/** Methods that change the outside world, by port. A crash test stops after each of them. */
export const DURABLE_EFFECTS = {
  files: [
    "write",
    "createExclusive",
    "append",
    "receive",
    "copy",
    "link",
    "symlink",
    "rename",
    "remove",
    "makeDir",
    "chmod",
    "truncate",
    "download",
  ],
  processes: ["run", "open", "interactive", "startDetached", "signal"],
} as const;

export interface Files {
  readText(path: string): Promise<string>;
  read(path: string): Promise<Buffer>;
  /** `length` bytes from `position`; fewer at the end of the file. */
  readPart(path: string, position: number, length: number): Promise<Buffer>;
  /** Undefined when there is nothing at `path`. Follows links. */
  stat(path: string): Promise<FileStat | undefined>;
  /** As {@link Files.stat}, but of a link itself. */
  linkStat(path: string): Promise<LinkStat | undefined>;
  /** Where a link points to. */
  readLink(path: string): Promise<string>;
  /** The absolute path with every link resolved; undefined when there is nothing at `path`. */
  realPath(path: string): Promise<string | undefined>;
  /** Names in a folder, sorted; empty when the folder does not exist. */
  list(path: string): Promise<string[]>;
  /** SHA-256 of a file's bytes as lower-case hex. `progress` receives bytes read so far. */
  sha256(
    path: string,
    options?: { signal?: AbortSignal; progress?: (bytes: number) => void; algorithm?: "sha256" | "sha512" },
  ): Promise<string>;

  /** Durable and atomic: temporary file, fsync, rename, fsync of the folder. Default mode 0600. */
  write(path: string, data: string | Buffer, options?: { mode?: number }): Promise<void>;
  /** Durable and exclusive: the file appears with its whole content, or the call fails with EEXIST. */
  createExclusive(path: string, data: string | Buffer, options?: { mode?: number }): Promise<void>;
  /** Appends and makes the data durable (fdatasync). Creates the file with mode 0600, its folder entry durable. */
  append(path: string, data: string): Promise<void>;
  /** Appends in one write, and makes nothing durable: for what nobody misses that is lost. Creates the file with mode 0600. */
  jot(path: string, data: string): Promise<void>;
  /**
   * Makes `path` hold what a stream brings, through a temporary file beside it: nobody sees a part, and no link at `path`
   * is followed. Not made durable.
   */
  receive(
    path: string,
    body: AsyncIterable<Uint8Array>,
    options: { mode: number; signal?: AbortSignal },
  ): Promise<void>;
  /** Copies a file's bytes, sparse where the file system can, then fsync. */
  copy(from: string, to: string, options?: { mode?: number; signal?: AbortSignal }): Promise<void>;
  /** Hard link. */
  link(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  /** Rename, then fsync of both folders. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder; nothing to remove is no error. */
  remove(path: string): Promise<void>;
  /** Makes a folder and its parents, mode 0700 unless given. */
  makeDir(path: string, options?: { mode?: number }): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  truncate(path: string, length: number): Promise<void>;
  /** Calls `listener` whenever something in a folder or below it may have changed, until the signal is aborted. Some file
   * systems tell nothing. */
  watch(folder: string, listener: () => void, signal: AbortSignal): void;
  /** Streams a response body to the end of `path` (see {@link Network.open}); resolves when durable. */
  download(
    response: HttpResponse,
    path: string,
    options: { signal?: AbortSignal; progress?: (bytes: number) => void },
  ): Promise<void>;
}

export interface FileStat {
  readonly kind: "file" | "folder" | "other";
  /** Bytes. */
  readonly size: number;
  /** Bytes really allocated on disk. */
  readonly allocated: number;
  /** Milliseconds since the epoch. */
  readonly mtimeMs: number;
  readonly inode: number;
  readonly mode: number;
}

export type LinkStat = Omit<FileStat, "kind"> & { readonly kind: FileStat["kind"] | "link" };

export interface Processes {
  /** Runs a program to its end. A non-zero exit is a result, not an error; a missing program is ENOENT. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Starts a program with its streams in the caller's hands: for what is too big to hold, or has to be seen as it comes.
   * It gets a process group of its own, which an abort ends. A missing program is ENOENT.
   */
  open(program: string, args: readonly string[], options?: OpenOptions): Promise<OpenProcess>;
  /** Runs a program on the user's terminal (stdin, stdout and stderr inherited). Resolves with its exit code. */
  interactive(
    program: string,
    args: readonly string[],
    options?: { env?: Record<string, string> },
  ): Promise<number>;
  /** Starts a program in a session of its own that outlives vmlab. Resolves with its pid once it runs. */
  startDetached(
    program: string,
    args: readonly string[],
    options: { logFile: string; env?: Record<string, string> },
  ): Promise<number>;
  /** Sends a signal. Resolves with false when there is no such process. */
  signal(pid: number, signal: NodeJS.Signals): Promise<boolean>;
  /** Who runs under `pid`; undefined when nobody. A zombie counts as nobody. */
  identify(pid: number): Promise<ProcessIdentity | undefined>;
  /** What a process takes of the host now; undefined when nobody runs under `pid`. */
  usage(pid: number): Promise<ProcessUsage | undefined>;
  /**
   * Processes of this user that were started with the environment variable `name` set to `value`, without this one. A
   * process hands its environment down, so this finds children whose parents are gone.
   */
  withEnvironment(name: string, value: string): Promise<ProcessIdentity[]>;
  /** This process. */
  readonly self: number;
  /** Path of a program on PATH, or undefined. */
  which(program: string): Promise<string | undefined>;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** Added to vmlab's own environment, of which programs do not see the values of variables (VMLAB_VAR_NAME). */
  readonly env?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called with every line of output as it comes. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Puts the program into a process group of its own, which an abort, a time-out or the program's death by a signal
   * ends as a whole. What it leaves running after an end of its own is not waited for. */
  readonly ownGroup?: boolean;
}

export interface RunResult {
  /** Exit code; null when ended by a signal or the time-out. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly signal?: string;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Called with what it writes to standard error, as it comes. */
  readonly onStderr?: (data: Buffer) => void;
}

export interface OpenProcess {
  /** Standard output. The program waits while nobody reads it. */
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Resolves when standard input can take more; with false once the program takes no more, as its exit code will tell. */
  write(data: Uint8Array): Promise<boolean>;
  closeInput(): void;
  /** Ends it, also when its output is not read. */
  stop(): void;
  /** Its exit code, once both its outputs are closed; 128 + the number of the signal that ended it. */
  readonly ended: Promise<number>;
}

/** A process beyond its pid, which the system reuses. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time as the system counts it (Linux: field 22 of /proc/PID/stat, clock ticks since boot). */
  readonly startTime: string;
  readonly commandLine: readonly string[];
}

/** What a process takes of the host. */
export interface ProcessUsage {
  /** As {@link ProcessIdentity.startTime}: the figures are of that process and of no other. */
  readonly startTime: string;
  /** Milliseconds of CPU time, user and system, of all its threads since it was started; in steps of 10. */
  readonly cpuMs: number;
  /** Bytes of memory that are in RAM (Linux: VmRSS in /proc/PID/status). */
  readonly resident: number;
}

export interface Network {
  /** Connects to a Unix socket or a TCP port of 127.0.0.1. */
  connect(
    target: { path: string } | { host: string; port: number },
    options?: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<Connection>;
  /** An HTTP GET (or HEAD) that follows redirects and honours the proxy variables of the environment. */
  open(
    url: string,
    options?: {
      method?: "GET" | "HEAD";
      headers?: Record<string, string>;
      signal?: AbortSignal;
      timeoutMs?: number;
    },
  ): Promise<HttpResponse>;
}

export interface Connection {
  write(data: string | Buffer): void;
  onData(listener: (data: Buffer) => void): void;
  /** Called once, when the connection is gone; with the error if there was one. */
  onClose(listener: (error?: Error) => void): void;
  close(): void;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body as text; for small answers (limit 16 MiB). */
  text(): Promise<string>;
  /** Ends the transfer without reading on. */
  discard(): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  bytes(count: number): Buffer;
}

/** Facts of the host. */
export interface Host {
  /** Changes with every boot (Linux: /proc/sys/kernel/random/boot_id). */
  bootId(): Promise<string>;
  /** Stays (Linux: /etc/machine-id), hashed so that the id itself is not told. */
  hostId(): Promise<string>;
  hostName(): string;
  userName(): string;
  /** Bytes. `available` is what the kernel says could be used without swapping. */
  memory(): Promise<{ total: number; available: number }>;
  cpus(): number;
  /** Bytes of the file system that holds `path` (or its nearest existing parent). */
  disk(path: string): Promise<{ total: number; free: number }>;
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** vmlab's environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
