/** The host's limits between two labs that are changed at the same moment, each by a process of its own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, jest, test } from "@jest/globals";
import type { Diagnostic } from "../../../engine/diagnostics.ts";
import type { OpenProcess } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { bundleChild } from "../../support/bundle-child.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

jest.setTimeout(120_000);

const temporary = temporaryFolders();
const { processes } = nodeEffects();
const running: Child[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await child.end();
});

class Child {
  readonly folder: string;
  readonly #process: OpenProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  private constructor(folder: string, child: OpenProcess) {
    this.folder = folder;
    this.#process = child;
    this.#lines = linesOf(child.stdout);
  }

  /** A lab with one VM of 2 GiB, and a volume where that is given. */
  static async start(
    script: string,
    { root, name, volume }: { readonly root: string; readonly name: string; readonly volume?: string },
    home: string,
  ): Promise<Child> {
    const folder = join(root, name, "lab");
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "lab.toml"),
      `lab = { name = "${name}", provider = "fake", image = "noble" }
[images]
noble = { url = "https://example.com/noble.img", checksum = "sha256:${"a".repeat(64)}" }
[vms.web]
memory = "2GiB"
${volume === undefined ? "" : `[volumes.data]\nsize = "${volume}"\n`}`,
    );
    const args = [script, join(root, name), home];
    const child = new Child(
      folder,
      await processes.open(process.execPath, args, {
        onStderr: (data) => {
          child.#errors += data.toString();
        },
      }),
    );
    running.push(child);
    return child;
  }

  /** Sends a line; resolves with the diagnostics that come of it. */
  async ask(line: string): Promise<readonly Diagnostic[]> {
    await this.#process.write(Buffer.from(`${line}\n`));
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the child ended: ${this.#errors}`);
    return JSON.parse(value) as readonly Diagnostic[];
  }

  async does(verb: string): Promise<void> {
    expect([await this.ask(`plan ${verb}`), await this.ask("go")]).toEqual([[], []]);
  }

  async end(): Promise<void> {
    this.#process.stop();
    await this.#process.ended;
  }
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const data of stream) {
    const lines = (rest + Buffer.from(data).toString()).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Both have planned what would fit. Resolves with the one that has it, with the other, and what that is told. */
async function race(
  labs: readonly [Child, Child],
  verb: string,
): Promise<{ winner: Child; loser: Child; refusal: readonly Diagnostic[] | undefined }> {
  const [one, two] = labs;
  expect(await Promise.all(labs.map((lab) => lab.ask(`plan ${verb}`)))).toEqual([[], []]);
  const ends = await Promise.all(labs.map((lab) => lab.ask("go")));
  const refused = ends.filter((diagnostics) => diagnostics.length > 0);
  expect(refused).toHaveLength(1);
  const [winner, loser] = ends[0]?.length === 0 ? [one, two] : [two, one];
  return { winner, loser, refusal: refused[0] };
}

function memoryRefusal({ folder }: Child): readonly Diagnostic[] {
  return [
    {
      severity: "error",
      code: "host/not-enough-memory",
      summary: "The running VMs need 2 GiB of memory, and 1 GiB are free",
      detail: expect.stringContaining(`(${folder}) uses 2 GiB for 1 VM.`) as unknown as string,
      hint: expect.stringMatching(
        `^To make room: \`vmlab -C ${folder} stop web\`\\. Or give`,
      ) as unknown as string,
    },
  ];
}

test("of two labs that are applied or started at the same moment, only as many get what fits", async () => {
  const root = await temporary();
  const home = join(root, "home");
  await mkdir(home, { mode: 0o700 });
  await writeFile(join(home, "config.toml"), '[limits]\nmemory = "3GiB"\nmemory_reserve = "1MiB"\n');
  const script = await bundleChild("limited-lab", root);
  const labs = [
    await Child.start(script, { root, name: "one" }, home),
    await Child.start(script, { root, name: "two" }, home),
  ] as const;

  const { winner, loser, refusal } = await race(labs, "apply");
  expect(refusal).toEqual(memoryRefusal(winner));
  // A plan is refused with the same numbers.
  expect(await loser.ask("plan apply")).toMatchObject([{ code: "host/not-enough-memory" }]);
  await winner.does("stop");
  await loser.does("apply");
  await loser.does("stop");

  for (let round = 0; round < 5; round += 1) {
    const { winner: started, refusal: told } = await race(labs, "start");
    expect(told).toEqual(memoryRefusal(started));
    await started.does("stop");
  }
});

test("of two labs that are applied at the same moment, only as many get disks and volumes as the limit has room for", async () => {
  const root = await temporary();
  const home = join(root, "home");
  await mkdir(home, { mode: 0o700 });
  await writeFile(join(home, "config.toml"), '[limits]\ndisk = "25GiB"\ndisk_reserve = "1MiB"\n');
  const script = await bundleChild("limited-lab", root);
  const labs = [
    await Child.start(script, { root, name: "one", volume: "5GiB" }, home),
    await Child.start(script, { root, name: "two", volume: "5GiB" }, home),
  ] as const;

  const { winner, loser, refusal } = await race(labs, "apply");
  expect(refusal).toEqual([
    {
      severity: "error",
      code: "host/too-much-disk",
      summary: "The disks and volumes of this lab need 15 GiB when full, and limits.disk leaves 10 GiB",
      detail: expect.stringContaining(`(${winner.folder}) has 15 GiB of disks and volumes.`) as unknown,
      hint: expect.stringContaining("raise limits.disk with `vmlab config set`") as unknown,
    },
  ]);
  // What is off keeps its disk: a plan is refused with the same numbers.
  await winner.does("stop");
  expect(await loser.ask("plan apply")).toEqual(refusal);
  await writeFile(join(home, "config.toml"), '[limits]\ndisk = "30GiB"\ndisk_reserve = "1MiB"\n');
  await loser.does("apply");
});
