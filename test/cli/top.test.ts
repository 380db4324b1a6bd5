/** `vmlab top` over pretend machines, which use a tenth of a CPU and half of their memory each. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.ts";
import type { Screen, ScreenSize } from "../../cli/terminal.ts";
import { homeFrom } from "../../engine/home.ts";
import { FakeWorld } from "../../providers/fake/world.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

let lab: CliLab;

beforeEach(async () => {
  lab = await CliLab.create(LAB);
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

/** A whole screen of the given size, whose user presses a key as soon as a frame holds `until`. */
class ScreenTerminal extends TestTerminal {
  readonly frames: string[][] = [];
  closed = 0;
  restored = 0;
  readonly #size: ScreenSize;
  readonly #until: string;
  readonly #press: (terminal: ScreenTerminal) => void;
  key: (data: Buffer) => void = () => undefined;

  constructor(cwd: string, size: ScreenSize, until: string, press: (terminal: ScreenTerminal) => void) {
    super({ cwd, isTTY: true, answers: [] });
    this.#size = size;
    this.#until = until;
    this.#press = press;
  }

  override screen(): Screen {
    return {
      show: (draw) => {
        const lines = [...draw(this.#size)];
        this.frames.push(lines);
        if (lines.join("\n").includes(this.#until)) this.#press(this);
      },
      close: () => {
        this.closed += 1;
      },
    };
  }

  override rawInput(onData: (data: Buffer) => void): { restore(): void } {
    this.key = onData;
    return {
      restore: () => {
        this.restored += 1;
      },
    };
  }
}

async function watched(size: ScreenSize, until: string, press: (terminal: ScreenTerminal) => void) {
  const terminal = new ScreenTerminal(lab.folder, size, until, press);
  const code = await main(["top", "--interval", "1s"], { effects: lab.effects(), terminal });
  return { code, terminal };
}

describe("in a pipe", () => {
  test("it measures once, sorts by CPU, and shows what is off without figures", async () => {
    await lab.succeed("stop", "k8s-worker-1");
    expect(await lab.succeed("top", "--interval", "1s")).toBe(
      `NAME          CPU %  MEMORY  IN RAM  READ/s  WRITE/s  IN p/s  OUT p/s       UP
k8s-worker-2   10.0      1G    512M     16K       4K       -        -        -
mon            10.0      1G    512M     16K       4K       -        -        -
web            10.0    512M    256M     16K       4K       -        -        -
k8s-worker-1      -      1G       -       -        -       -        -  stopped
`,
    );
  });

  test("the state of a VM is the one that list tells", async () => {
    await lab.succeed("suspend", "web");
    await lab.succeed("pause", "mon");
    const world = new FakeWorld(lab.effects(), homeFrom({ VMLAB_HOME: lab.home }));
    for (const machine of (await world.machines()).values())
      if (machine.name === "k8s-worker-1") await world.put({ ...machine, state: "stopped", clean: false });
    const states = (vms: readonly { readonly name: string; readonly state: string }[]) =>
      vms.map(({ name, state }) => `${name} ${state}`);
    const listed = states(JSON.parse(await lab.succeed("list", "--json")));
    expect(listed).toEqual(["k8s-worker-1 crashed", "k8s-worker-2 running", "mon paused", "web suspended"]);
    const args = ["top", "--once", "--sort", "name", "--interval", "1s"];
    expect(states(JSON.parse(await lab.succeed(...args, "--json")).vms)).toEqual(listed);
    const table = (await lab.succeed(...args)).trimEnd().split("\n");
    expect(table.map((line) => line.split(/ +/).at(-1))).toEqual([
      "UP",
      "crashed",
      "-",
      "paused",
      "suspended",
    ]);
  });

  test("--json prints an object a measurement until it is interrupted", async () => {
    const terminal = new TestTerminal({ cwd: lab.folder });
    const write = terminal.out.write.bind(terminal.out);
    const out = {
      ...terminal.out,
      write: (text: string | Buffer) => {
        write(text);
        if (terminal.stdout.split("\n").length > 2) terminal.interrupt();
      },
    };
    const shown = new Proxy(terminal, { get: (target, key) => (key === "out" ? out : bound(target, key)) });
    const args = ["top", "web", "--json", "--interval", "1s"];
    expect(await main(args, { effects: lab.effects(), terminal: shown })).toBe(0);
    const samples = terminal.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(samples).toHaveLength(2);
    expect(samples[0]).toMatchObject({
      interval_ms: 1000,
      vms: [
        {
          ...{ name: "web", state: "running", memory: 512 * 2 ** 20, resident: 256 * 2 ** 20 },
          ...{ cpu_percent: 10, uptime_ms: null },
        },
      ],
    });
  });

  test("an interval below a second and an unknown VM are refused", async () => {
    expect((await lab.vmlab(["top", "--interval", "0"])).stderr).toContain("--interval is too short");
    expect((await lab.vmlab(["top", "wbe"])).stderr).toContain('Did you mean "web"?');
  });
});

describe("on a terminal", () => {
  test.each([
    ["q", (terminal: ScreenTerminal) => terminal.key(Buffer.from("q"))],
    ["Ctrl-C", (terminal: ScreenTerminal) => terminal.key(Buffer.of(3))],
    ["SIGTERM", (terminal: ScreenTerminal) => terminal.interrupt("SIGTERM")],
  ])(
    "it shows a table at once and again with rates, and %s leaves with everything restored",
    async (_, press) => {
      const { code, terminal } = await watched({ columns: 80, rows: 6 }, "10.0", press);
      expect(terminal.frames).toEqual([
        [
          "4 of 4 run, every 1s; q leaves",
          "",
          "NAME          CPU %  MEMORY  IN RAM  READ/s  WRITE/s  IN p/s  OUT p/s       UP",
          "k8s-worker-1      -      1G    512M       -        -       -        -        -",
          "k8s-worker-2      -      1G    512M       -        -       -        -        -",
          "and 2 more",
        ],
        [
          "4 of 4 run, every 1s; q leaves",
          "",
          "NAME          CPU %  MEMORY  IN RAM  READ/s  WRITE/s  IN p/s  OUT p/s       UP",
          "k8s-worker-1   10.0      1G    512M     16K       4K       -        -        -",
          "k8s-worker-2   10.0      1G    512M     16K       4K       -        -        -",
          "and 2 more",
        ],
      ]);
      expect([code, terminal.closed, terminal.restored, terminal.stdout]).toEqual([0, 1, 1, ""]);
    },
  );

  test("VMs that stop and go meanwhile are followed", async () => {
    let changing: Promise<unknown> | undefined;
    const { terminal } = await watched({ columns: 80, rows: 20 }, " of ", (shown) => {
      changing ??= lab.succeed("destroy", "--yes");
      if (shown.frames.at(-1)?.[0]?.startsWith("0 of 0")) shown.key(Buffer.from("q"));
    });
    await changing;
    expect(terminal.frames.at(-1)?.[0]).toBe("0 of 0 run, every 1s; q leaves");
  });
});

function bound(target: TestTerminal, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === "function" ? value.bind(target) : value;
}
