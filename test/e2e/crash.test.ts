/**
 * vmlab is killed (SIGKILL) at random moments of an apply that makes two VMs. The next apply finishes what was begun:
 * both are reached, nothing half made stays, nothing is made twice. VMLAB_TEST_SEED repeats a run.
 */
import { randomInt } from "node:crypto";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { CliLab, type RunOptions } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { FULL } from "../support/long-test.ts";

const SEED = Number(process.env.VMLAB_TEST_SEED ?? randomInt(2 ** 31));
const ROUNDS = FULL ? 20 : 5;

let lab: CliLab | undefined;
afterEach(async () => {
  await lab?.dispose();
  lab = undefined;
});

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator, constants of Numerical Recipes). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Moment {
  readonly about: string;
  readonly options: RunOptions;
}

/** In turn: while disks are made and QEMU starts, while the guests boot, and while the first is provisioned. */
function momentOf(round: number, random: () => number): Moment {
  const kill = (when: RegExp, afterMs: number) => ({
    signals: [{ when, send: "SIGKILL" as const, afterMs }],
  });
  switch (round % 3) {
    case 0: {
      const ms = Math.round(200 + random() * 1500);
      return { about: `${ms} ms after its start`, options: { killAfterMs: ms } };
    }
    case 1: {
      const ms = Math.round(random() * 8000);
      return { about: `${ms} ms after a VM was started`, options: kill(/ started /, ms) };
    }
    default: {
      const ms = Math.round(random() * 700);
      return { about: `${ms} ms after a VM was ready`, options: kill(/ ready /, ms) };
    }
  }
}

const random = numbers(SEED);
const moments = Array.from({ length: ROUNDS }, (_, round) => momentOf(round, random));

describe(`vmlab killed during an apply (seed ${SEED})`, () => {
  test.each(moments)(
    "$about, and the next apply finishes",
    async ({ about, options }) => {
      lab = await CliLab.create(`lab = { name = "crash", image = "tiny" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
[templates.small]
memory = "128MiB"
disk = "96MiB"
run = ["echo done >> /var/lib/steps"]
[vms.one]
template = "small"
[vms.two]
template = "small"
`);
      const first = await lab.run(["apply", "--yes"], options);
      // A fast machine may be through before.
      expect({ about, signal: first.signal ?? first.code }).toEqual({
        about,
        signal: first.code === 0 ? 0 : "SIGKILL",
      });
      const whole = await wholeMachines(lab);

      await lab.ok("apply", "--yes");

      const instances = [await lab.instance("one"), await lab.instance("two")];
      expect({ about, folders: await lab.vmFolders() }).toEqual({ about, folders: [...instances].sort() });
      for (const id of whole)
        expect({ about, ids: instances }).toEqual({ about, ids: expect.arrayContaining([id]) });
      const pids = [await lab.pid("one"), await lab.pid("two")];
      expect({ about, machines: (await lab.machines()).sort() }).toEqual({ about, machines: pids.sort() });
      for (const name of ["one", "two"]) {
        expect(await lab.guest(name, "hostname")).toBe(name);
        // A step whose end was not recorded is run again, as the guarantees say; never left out.
        expect(await lab.guest(name, "cat /var/lib/steps")).toMatch(/^done(\ndone)?$/);
      }
      expect({ about, changes: await lab.changes() }).toEqual({ about, changes: [] });
      expect(await lab.list("trash")).toEqual([]);
      expect(await lab.list("locks")).toEqual([]);
      expect(await lab.list("labs")).toHaveLength(1);
      expect((await lab.list("images")).filter((entry) => !entry.startsWith("."))).toHaveLength(1);
      const state = JSON.parse(await lab.ok("state", "pull")) as { intents: unknown };
      expect(state.intents).toEqual({});
    },
    300_000,
  );
});

/** Ids of machines that were completely made: their record is written last. */
async function wholeMachines(of: CliLab): Promise<string[]> {
  const whole: string[] = [];
  for (const id of await of.vmFolders()) {
    const record = join(of.home, "vms", id, "vm.json");
    if (
      await access(record).then(
        () => true,
        () => false,
      )
    )
      whole.push(id);
  }
  return whole;
}
