/** Records pins in vmlab.lock as images are obtained. Writes one after another, so that none is lost. */
import { join } from "node:path";
import equal from "fast-deep-equal";
import type { ImagePin } from "../../providers/provider.ts";
import { LOCK_FILE, readLockFile, writeLockFile } from "../config/lock-file.ts";
import type { Effects } from "../effects.ts";

export class PinWriter {
  readonly #effects: Effects;
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();

  /** @param folder the lab's folder, which holds vmlab.lock */
  constructor(effects: Effects, folder: string) {
    this.#effects = effects;
    this.#file = join(folder, LOCK_FILE);
  }

  set(address: string, pin: ImagePin): Promise<void> {
    const write = this.#last.then(() => this.#write(address, pin));
    this.#last = write.catch(() => undefined);
    return write;
  }

  async #write(address: string, pin: ImagePin): Promise<void> {
    const lock = await readLockFile(this.#effects.files, this.#file);
    if (equal(lock.pins[address], pin)) return;
    await writeLockFile(this.#effects.files, this.#file, { ...lock, pins: { ...lock.pins, [address]: pin } });
  }
}
