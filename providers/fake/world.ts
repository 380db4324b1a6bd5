/**
 * The fake world: pretend machines and images under VMLAB_HOME/fake. One line an event, appended durably, so that a
 * killed vmlab leaves exactly what it had "done", and several processes see the same world.
 */
import { join } from "node:path";
import { fail } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { JsonObject } from "../../engine/json.ts";

export interface FakeMachine {
  readonly id: string;
  readonly name: string;
  readonly state: "incomplete" | "stopped" | "running" | "trash" | "absent";
  /** False after a pretended crash. */
  readonly clean: boolean;
  readonly attributes: JsonObject;
  /** In the trash: what was given with it. */
  readonly trash?: JsonObject;
  /** What was done in the guest, in order. */
  readonly log: readonly string[];
}

export interface FakeImage {
  readonly digest: string;
  readonly key: string;
  readonly present: boolean;
}

type Line = { readonly machine: FakeMachine } | { readonly image: FakeImage };

/** Failures and delays that tests ask for, read at every step. */
export interface FakeFaults {
  /** Milliseconds by step; a VM's boot takes as long as `ready` says. */
  readonly delays?: Readonly<Record<string, number>>;
  /** Fails this step of VMs whose name matches, as often as `times` says (default: always). */
  readonly failures?: readonly {
    readonly step: string;
    readonly name: string;
    readonly message?: string;
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

  constructor(effects: Effects, home: Home) {
    this.#effects = effects;
    this.#folder = join(home.root, "fake");
  }

  get #file(): string {
    return join(this.#folder, "world.ndjson");
  }

  /** Reads what this and other processes have appended since the last look; one look at a time. */
  #catchUp(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
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
    for (const line of lines) if (line !== "") this.#apply(JSON.parse(line) as Line);
  }

  #apply(line: Line): void {
    if ("machine" in line) this.#machines.set(line.machine.id, line.machine);
    else this.#images.set(line.image.digest, line.image);
  }

  async #write(line: Line): Promise<void> {
    await this.#effects.files.makeDir(this.#folder);
    await this.#effects.files.append(this.#file, `${JSON.stringify(line)}\n`);
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
    return this.#write({ machine });
  }

  async image(digest: string): Promise<FakeImage | undefined> {
    await this.#catchUp();
    return this.#images.get(digest);
  }

  putImage(image: FakeImage): Promise<void> {
    return this.#write({ image });
  }

  async faults(): Promise<FakeFaults> {
    const file = join(this.#folder, "faults.json");
    if ((await this.#effects.files.stat(file)) === undefined) return {};
    return JSON.parse(await this.#effects.files.readText(file)) as FakeFaults;
  }

  /** Waits and fails as faults.json asks for this step of this resource. */
  async disturb(step: string, name: string, signal: AbortSignal): Promise<void> {
    const faults = await this.faults();
    const delay = faults.delays?.[step] ?? 0;
    if (delay > 0) await this.#effects.clock.sleep(delay, signal);
    const failure = faults.failures?.find(
      (candidate) =>
        candidate.step === step && new RegExp(`^${candidate.name.replaceAll("*", ".*")}$`).test(name),
    );
    if (failure === undefined) return;
    const key = `${step} ${name}`;
    const count = this.#failed.get(key) ?? 0;
    if (count >= (failure.times ?? Number.POSITIVE_INFINITY)) return;
    this.#failed.set(key, count + 1);
    fail({
      code: "fake/asked-for",
      summary: failure.message ?? `${step} of ${name} fails because faults.json asks for it`,
      hint: "Change fake/faults.json under VMLAB_HOME.",
    });
  }
}
