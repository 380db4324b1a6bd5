/** cp --watch into a guest that is a folder of this host. */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../../engine/effects-node.ts";
import { keepCopying, type WatchEvent } from "../../../../engine/operate/copy/keep-copying.ts";
import { parsePlace } from "../../../../engine/operate/copy/place.ts";
import { shellGuest } from "../../../support/shell-guest.ts";
import { temporaryFolders } from "../../../support/temporary-folder.ts";

const real = nodeEffects();
/** With a shorter patience, so that a second attempt comes soon. */
const sleep = (ms: number, signal?: AbortSignal) => real.clock.sleep(ms / 10, signal);
const effects = { ...real, clock: { ...real.clock, sleep } };
const folder = temporaryFolders();
let here: string;
let guestHome: string;

beforeEach(async () => {
  here = join(await folder(), "src");
  guestHome = await folder();
  await mkdir(join(here, "sub"), { recursive: true });
  await writeFile(join(here, "a"), "1");
  await writeFile(join(here, "sub", "b"), "2");
});

/** Watches until `story` is over, which is handed a wait for the next event. */
async function watching(
  deletes: boolean,
  story: (next: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const told: WatchEvent[] = [];
  let wake = (): void => undefined;
  const next = async (): Promise<string> => {
    while (told.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const event = told.shift();
    if (event?.type === "folder") return event.there ? "back" : "gone";
    if (event?.type === "failed") return `failed: ${event.diagnostics[0]?.summary}`;
    return `${event?.type} ${event?.paths.join(" ")}`;
  };
  const abort = new AbortController();
  const from = parsePlace(here, "/");
  const place = parsePlace("web:app", "/");
  if (from.at !== "host" || place.at !== "guest") throw new Error("not the places that were meant");
  const running = keepCopying(effects, {
    from,
    targets: [{ ...shellGuest(guestHome), place, several: false }],
    deletes,
    signal: abort.signal,
    tell: (event) => {
      told.push(event);
      wake();
    },
  });
  try {
    await story(next);
  } finally {
    abort.abort();
    await running;
  }
}

const inGuest = (path: string) => readFile(join(guestHome, "app", path), "utf8");

test("what changes is copied, what goes away is deleted with --delete, and nothing that was the guest's own", async () => {
  await watching(true, async (next) => {
    expect(await next()).toBe("copied a sub/b");
    await writeFile(join(guestHome, "app", "sub", "own"), "");
    await writeFile(join(here, "a"), "11");
    expect(await next()).toBe("copied a");
    expect(await inGuest("a")).toBe("11");
    await chmod(join(here, "a"), 0o755);
    expect(await next()).toBe("copied a");
    await rm(join(here, "a"));
    expect(await next()).toBe("deleted a");
    expect(await readdir(join(guestHome, "app"))).toEqual(["sub"]);
    // A folder in the place of a file.
    await rm(join(here, "sub", "b"));
    await mkdir(join(here, "sub", "b"));
    await writeFile(join(here, "sub", "b", "c"), "3");
    expect(await next()).toMatch(/^(deleted sub\/b|copied sub\/b\/c)$/);
    while (!(await readdir(join(guestHome, "app", "sub"))).includes("b")) await next();
    expect((await readdir(join(guestHome, "app", "sub"))).sort()).toEqual(["b", "own"]);
  });
});

test("without --delete nothing goes, and a folder that is gone is no order to delete", async () => {
  await watching(false, async (next) => {
    await next();
    await rm(join(here, "a"));
    await writeFile(join(here, "sub", "b"), "22");
    expect(await next()).toBe("copied sub/b");
    expect((await readdir(join(guestHome, "app"))).sort()).toEqual(["a", "sub"]);
  });
  await rm(join(guestHome, "app"), { recursive: true });
  await watching(true, async (next) => {
    await next();
    await rename(here, `${here}-away`);
    expect(await next()).toBe("gone");
    expect(await inGuest("sub/b")).toBe("22");
    await rename(`${here}-away`, here);
    expect(await next()).toBe("back");
    await writeFile(join(here, "new"), "4");
    expect(await next()).toBe("copied new");
  });
});

test("what fails is told once and tried again", async () => {
  await writeFile(join(guestHome, "app"), "in the way");
  await watching(false, async (next) => {
    expect(await next()).toBe("failed: web:app could not be written");
    await rm(join(guestHome, "app"));
    expect(await next()).toBe("copied a sub/b");
  });
});
