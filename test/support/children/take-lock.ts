/**
 * Takes a lab's lock and keeps it. Arguments: the `.vmlab` folder, and what to do:
 * `hold`: print `held` and wait to be killed;
 * `count ROUNDS FILE`: that many times take it, add 1 to the number in FILE without any other care, give it back;
 * `crash N`: die by SIGKILL right after the N-th durable effect of taking it and giving it back.
 */
import { readFile, writeFile } from "node:fs/promises";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { FileStore } from "../../../engine/state/file-store.ts";
import { crashAfter } from "../effects.ts";

const [folder = "", action, first = "", second = ""] = process.argv.slice(2);
const effects = action === "crash" ? crashAfter(nodeEffects(), Number(first)) : nodeEffects();
const store = new FileStore({ effects, folder, tool: "0.1.0" });

if (action === "count") {
  for (let round = 0; round < Number(first); round += 1) {
    const locked = await store.lock("count", { timeoutMs: 60_000 });
    const number = Number(await readFile(second, "utf8"));
    await new Promise(setImmediate);
    await writeFile(second, String(number + 1));
    await locked.release();
  }
} else {
  const locked = await store.lock("apply", { timeoutMs: 0 });
  if (action === "hold") {
    process.stdout.write("held\n");
    setInterval(() => undefined, 1000);
  } else {
    await locked.release();
  }
}
