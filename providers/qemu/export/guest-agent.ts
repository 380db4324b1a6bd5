/**
 * The guest agent (qemu-ga) behind its socket: one JSON object a line, answers in the order of the questions. Nobody
 * tells whether an agent is there, so everything has a deadline.
 */
import type { Connection, Effects } from "../../../engine/effects.ts";
import { isJsonObject, type JsonObject } from "../../../engine/json.ts";

/** The agent does not answer, or it answers with an error. */
export class GuestAgentError extends Error {
  override readonly name = "GuestAgentError";
  /** True when there was no answer: what was asked for may happen all the same. */
  readonly silent: boolean;

  constructor(message: string, options: { readonly silent?: boolean } = {}) {
    super(message);
    this.silent = options.silent ?? false;
  }
}

type Answer = JsonObject | GuestAgentError;

/** An agent asks its guest's kernel; a guest that is busy under emulation takes its time. */
const ANSWER_MS = 10_000;

export class GuestAgent {
  readonly #connection: Connection;
  readonly #answers: Answer[] = [];
  #rest = "";
  #arrived: (() => void) | undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
    connection.onData((data) => this.#receive(data));
    connection.onClose(() =>
      this.#take(new GuestAgentError("the connection to the guest agent broke", { silent: true })),
    );
  }

  /** Connects and makes sure that an agent answers, and answers this very client. */
  static async open(effects: Effects, path: string, timeoutMs = ANSWER_MS): Promise<GuestAgent> {
    const connection = await effects.network.connect({ path }, { timeoutMs });
    const agent = new GuestAgent(connection);
    try {
      // The byte 0xff makes the agent drop half a question of an earlier client, about which it complains first; what
      // else that client asked may still be answered as well.
      const id = effects.random.bytes(4).readUInt32BE(0);
      connection.write(Buffer.from([0xff]));
      agent.#send("guest-sync-delimited", { id });
      const until = effects.clock.now() + timeoutMs;
      for (let own = false; !own; )
        own = (await agent.#next("guest-sync-delimited", until - effects.clock.now())).return === id;
      return agent;
    } catch (error) {
      agent.close();
      throw error;
    }
  }

  /** How many file systems stand still now. */
  async freeze(timeoutMs: number): Promise<number> {
    return Number(await this.#ask("guest-fsfreeze-freeze", {}, timeoutMs));
  }

  /** How many file systems go on again; 0 when none stood still. */
  async thaw(timeoutMs = ANSWER_MS): Promise<number> {
    return Number(await this.#ask("guest-fsfreeze-thaw", {}, timeoutMs));
  }

  close(): void {
    this.#connection.close();
  }

  async #ask(command: string, args: JsonObject, timeoutMs: number): Promise<unknown> {
    this.#send(command, args);
    const answer = await this.#next(command, timeoutMs);
    if (isJsonObject(answer.error))
      throw new GuestAgentError(`${command}: ${String(answer.error.desc ?? "no description")}`);
    return answer.return;
  }

  #send(command: string, args: JsonObject): void {
    this.#connection.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
  }

  async #next(command: string, timeoutMs: number): Promise<JsonObject> {
    if (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, timeoutMs));
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#arrived = undefined;
    }
    const answer = this.#answers.shift();
    if (answer === undefined)
      throw new GuestAgentError(`the guest agent does not answer ${command}`, { silent: true });
    if (answer instanceof GuestAgentError) throw answer;
    return answer;
  }

  #take(answer: Answer): void {
    this.#answers.push(answer);
    this.#arrived?.();
  }

  #receive(data: Buffer): void {
    const lines = (this.#rest + data.toString("latin1").replaceAll("\xff", "")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      try {
        const answer: unknown = JSON.parse(line);
        if (isJsonObject(answer)) this.#take(answer);
      } catch {
        // The rest of an answer to somebody before.
      }
    }
  }
}
