/**
 * Records pins in vmlab.lock as images are obtained. Writes one after another, also those of other processes (builds for
 * the store take no lock of the lab), so that none is lost.
 */
import { join } from "node:path";
import equal from "fast-deep-equal";
import type { ImagePin } from "../../providers/provider.ts";
import { LOCK_FILE, readLockFile, writeLockFile } from "../config/lock-file.ts";
import type { Effects } from "../effects.ts";
import type { Home } from "../home.ts";
import { withHostLock } from "../host/host-lock.ts";

export class PinWriter {
  readonly #effects: Effects;
  readonly #home: Home;
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();

  /** @param folder the lab's folder, which holds vmlab.lock */
  constructor(effects: Effects, home: Home, folder: string) {
    this.#effects = effects;
    this.#home = home;
    this.#file = join(folder, LOCK_FILE);
  }

  set(address: string, pin: ImagePin): Promise<void> {
    const write = this.#last.then(() => this.#write(address, pin));
    this.#last = write.catch(() => undefined);
    return write;
  }

  async #write(address: string, pin: ImagePin): Promise<void> {
    const { files } = this.#effects;
    if (equal((await readLockFile(files, this.#file)).pins[address], pin)) return;
    await withHostLock(this.#effects, this.#home, "pins", async () => {
      const lock = await readLockFile(files, this.#file);
      await writeLockFile(files, this.#file, { ...lock, pins: { ...lock.pins, [address]: pin } });
    });
  }
}
