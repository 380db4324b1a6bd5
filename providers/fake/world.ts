/**
 * The fake world: pretend machines and images under VMLAB_HOME/fake. One line an event, appended durably, so that a
 * killed vmlab leaves exactly what it had "done", and several processes see the same world. A line says what it is
 * about (`machine ID` or `image DIGEST`) and then, in JSON, how that is now: earlier lines about it need not be parsed.
 */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { PortForward, Snapshot } from "../provider.ts";

export interface FakeMachine {
  readonly id: string;
  readonly name: string;
  readonly state: "incomplete" | "stopped" | "running" | "trash" | "absent";
  /** False after a pretended crash. */
  readonly clean: boolean;
  /** Running: it stands still. Stopped: its memory is saved. */
  readonly held?: boolean;
  readonly attributes: JsonObject;
  /** Forwarded until it stops. */
  readonly temporary?: readonly PortForward[];
  /** Oldest first. */
  readonly snapshots?: readonly FakeSnapshot[];
  /** The snapshot that it was taken or restored at last. */
  readonly at?: string;
  /** In the trash: what was given with it. */
  readonly trash?: JsonObject;
  /** What was done in the guest, in order. */
  readonly log: readonly string[];
}

export interface FakeSnapshot extends Snapshot {
  readonly of: Pick<FakeMachine, "attributes" | "log">;
}

export interface FakeImage {
  readonly digest: string;
  readonly key: string;
  readonly present: boolean;
}

/** Failures and delays that tests ask for, read at every step. */
export interface FakeFaults {
  /** Version of the pretend template by which roles and custom images are built. */
  readonly template?: number;
  /** Milliseconds by step; a VM's boot takes as long as `ready` says. */
  readonly delays?: Readonly<Record<string, number>>;
  /** Fails this step of VMs whose name matches, as often as `times` says (default: always). */
  readonly failures?: readonly {
    readonly step: string;
    readonly name: string;
    readonly message?: string;
    /** What a guest would have said: the evidence of the failure. */
    readonly detail?: string;
    /** Only this provisioning step, by its label. */
    readonly label?: string;
    readonly times?: number;
  }[];
}

export class FakeWorld {
  readonly #effects: Effects;
  readonly #folder: string;
  readonly #machines = new Map<string, FakeMachine>();
  readonly #images = new Map<string, FakeImage>();
  readonly #failed = new Map<string, number>();
  #read = 0;
  #partial = "";
  #looking: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  /** Settles when the last write begun so far is over; never rejects. */
  #written: Promise<unknown> = Promise.resolve();
  #waiting = "";
  #nextWrite: Promise<void> | undefined;

  constructor(effects: Effects, home: Home) {
    this.#effects = effects;
    this.#folder = join(home.root, "fake");
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#effects.clock.now();
  }

  get #file(): string {
    return join(this.#folder, "world.log");
  }

  /** Reads what this and other processes have appended since the last look; one look at a time, shared by who waits. */
  #catchUp(): Promise<void> {
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = undefined;
      return this.#look();
    });
    this.#looking = this.#nextLook;
    return this.#looking;
  }

  async #look(): Promise<void> {
    const stat = await this.#effects.files.stat(this.#file);
    const size = stat?.size ?? 0;
    if (size <= this.#read) return;
    const bytes = await this.#effects.files.readPart(this.#file, this.#read, size - this.#read);
    this.#read += bytes.length;
    const lines = (this.#partial + bytes.toString("utf8")).split("\n");
    this.#partial = lines.pop() ?? "";
    const latest = new Map<string, string>();
    for (const line of lines) {
      const json = line.indexOf("{");
      if (json > 0) latest.set(line.slice(0, json), line.slice(json));
    }
    for (const [subject, json] of latest) {
      const [kind, name = ""] = subject.split(" ");
      if (kind === "machine") this.#machines.set(name, JSON.parse(json) as FakeMachine);
      else this.#images.set(name, JSON.parse(json) as FakeImage);
    }
  }

  /** Durable when resolved. Lines that come while others are being written go out together. */
  #write(line: string): Promise<void> {
    this.#waiting += `${line}\n`;
    this.#nextWrite ??= this.#written.then(async () => {
      const lines = this.#waiting;
      this.#waiting = "";
      this.#nextWrite = undefined;
      await this.#effects.files.makeDir(this.#folder);
      await this.#effects.files.append(this.#file, lines);
    });
    this.#written = this.#nextWrite.catch(() => undefined);
    return this.#nextWrite;
  }

  async machines(): Promise<ReadonlyMap<string, FakeMachine>> {
    await this.#catchUp();
    return this.#machines;
  }

  async machine(id: string): Promise<FakeMachine | undefined> {
    return (await this.machines()).get(id);
  }

  /** The machine, or the diagnostic that it is gone. */
  async existing(id: string): Promise<FakeMachine> {
    const machine = await this.machine(id);
    if (machine !== undefined && machine.state !== "absent" && machine.state !== "trash") return machine;
    return fail({
      code: "fake/no-machine",
      summary: `there is no pretend machine ${id}`,
      hint: "Run `vmlab plan` to see what would mend it.",
    });
  }

  put(machine: FakeMachine): Promise<void> {
    return this.#write(`machine ${machine.id} ${JSON.stringify(machine)}`);
  }

  async image(digest: string): Promise<FakeImage | undefined> {
    await this.#catchUp();
    return this.#images.get(digest);
  }

  putImage(image: FakeImage): Promise<void> {
    return this.#write(`image ${image.digest} ${JSON.stringify(image)}`);
  }

  async faults(): Promise<FakeFaults> {
    const file = join(this.#folder, "faults.json");
    if ((await this.#effects.files.stat(file)) === undefined) return {};
    return JSON.parse(await this.#effects.files.readText(file)) as FakeFaults;
  }

  /** Waits and fails as faults.json asks for this step of this resource. */
  async disturb(step: string, name: string, signal: AbortSignal, label?: string): Promise<void> {
    const faults = await this.faults();
    const delay = faults.delays?.[step] ?? 0;
    if (delay > 0) await this.#effects.clock.sleep(delay, signal);
    const failure = faults.failures?.find(
      (candidate) =>
        candidate.step === step &&
        (candidate.label === undefined || candidate.label === label) &&
        new RegExp(`^${candidate.name.replaceAll("*", ".*")}$`).test(name),
    );
    if (failure === undefined) return;
    const key = `${step} ${name}`;
    const count = this.#failed.get(key) ?? 0;
    if (count >= (failure.times ?? Number.POSITIVE_INFINITY)) return;
    this.#failed.set(key, count + 1);
    fail({
      code: "fake/asked-for",
      ...(failure.detail === undefined ? {} : { detail: failure.detail }),
      summary: failure.message ?? `${step} of ${name} fails because faults.json asks for it`,
      hint: "Change fake/faults.json under VMLAB_HOME.",
    });
  }
}
