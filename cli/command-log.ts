/** What a command leaves in the log of commands: itself when it has ended and, when asked for, what it did meanwhile. */
import type { Command } from "commander";
import { type Diagnostic, fail } from "../engine/diagnostics.ts";
import type { Effects } from "../engine/effects.ts";
import type { ProgramTrace } from "../engine/effects-trace.ts";
import type { Event } from "../engine/events.ts";
import type { Home } from "../engine/home.ts";
import { appendToLog } from "../engine/host/command-log.ts";
import { namesIn, onlyNames, withoutValues } from "./command-words.ts";

type Level = "off" | "info" | "debug";

const MOST_DIAGNOSTICS = 20;

/** With these the command line was not understood: a secret may stand where a name belongs, also in what the user is told. */
const NOT_UNDERSTOOD: ReadonlySet<string> = new Set(["cli/usage", "config/bad-assignment"]);
/** What stands behind these commands' VMs without `--` was meant for the guest, and is taken for more VMs. */
const FOR_GUESTS: ReadonlySet<string> = new Set(["vmlab exec", "vmlab ssh"]);

export interface LoggedCommand {
  readonly effects: Effects;
  readonly home: Home;
  readonly tool: string;
  /** The whole command line behind `vmlab`. */
  readonly argv: readonly string[];
}

export class CommandLog {
  readonly #about: LoggedCommand;
  readonly #started: number;
  readonly #diagnostics: Diagnostic[] = [];
  #level: Level = "info";
  #names: ReadonlySet<string> = new Set();
  #forGuests = false;
  #understood = false;
  #revealing = false;
  #waiting: object[] = [];
  #writing: Promise<void> | undefined;

  constructor(about: LoggedCommand) {
    this.#about = about;
    this.#started = about.effects.clock.now();
  }

  /** What the command line is to be understood by; `name`: as the line calls the command. */
  definedBy(definition: Command, name: string): void {
    this.#names = namesIn(definition).add(name);
    this.#forGuests = FOR_GUESTS.has(definition.name());
  }

  /** Every word of the line has its meaning. Until then only names are kept of it. */
  understood(): void {
    this.#understood = true;
  }

  /** As VMLAB_LOG says; a mistake in it is thrown as a diagnostic. */
  readLevel(): void {
    const { VMLAB_LOG: wanted } = this.#about.effects.host.env;
    if (wanted === undefined || wanted === "") return;
    if (wanted !== "off" && wanted !== "info" && wanted !== "debug") {
      fail({
        code: "host/bad-environment-variable",
        summary: `VMLAB_LOG cannot be "${wanted}"`,
        hint: "off writes no log, info a line for each command (the default), debug also what it did.",
      });
    }
    this.#level = wanted;
  }

  /** What the command does goes to the log as well. */
  inDetail(): void {
    if (this.#level !== "off") this.#level = "debug";
  }

  get detailed(): boolean {
    return this.#level === "debug";
  }

  /** Something that the user was told. */
  diagnostics(diagnostics: readonly Diagnostic[]): void {
    this.#revealing ||= diagnostics.some(
      ({ code }) => NOT_UNDERSTOOD.has(code) || (this.#forGuests && code.startsWith("select/")),
    );
    this.#diagnostics.push(...diagnostics.slice(0, MOST_DIAGNOSTICS - this.#diagnostics.length));
  }

  /** Sensitive values never are in events. Bytes move many times a second: of progress a new phase is enough. */
  event(event: Event): void {
    if (this.#level === "debug" && !("progress" in event)) this.#add({ type: "event", event });
  }

  program({ argv, durationMs, outcome }: ProgramTrace): void {
    if (this.#level === "debug")
      this.#add({ type: "program", argv, durationMs: Math.round(durationMs), outcome });
  }

  /** The command has ended. Resolves when that is written; never rejects. */
  async end(folder: string, exitCode: number): Promise<void> {
    if (this.#level === "off") return;
    const { effects, tool, argv } = this.#about;
    const clear = this.#understood && !this.#revealing;
    this.#add({
      type: "command",
      version: tool,
      folder,
      argv: clear ? withoutValues(argv) : onlyNames(argv, this.#names),
      durationMs: Math.round(effects.clock.now() - this.#started),
      exitCode,
      diagnostics: this.#diagnostics.map(({ code, severity, summary, address }) => ({
        code,
        severity,
        ...(this.#revealing ? {} : { summary }),
        ...(address === undefined ? {} : { address }),
      })),
    });
    while (this.#writing !== undefined) await this.#writing;
  }

  #add(fields: object): void {
    const { effects } = this.#about;
    const time = new Date(effects.clock.now()).toISOString();
    this.#waiting.push({ time, pid: effects.processes.self, ...fields });
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    const { effects, home } = this.#about;
    while (this.#waiting.length > 0) await appendToLog(effects, home, this.#waiting.splice(0));
    this.#writing = undefined;
  }
}
