import { describe, expect, test } from "@jest/globals";
import { type RunningVm, stopCommands, vmsToStop } from "../../../engine/host/make-room.ts";

const GiB = 1024 ** 3;
const lab = { name: "other", folder: "/labs/other" };
const own = (name: string, memory: number, cpus = 1): RunningVm => ({ name, memory: memory * GiB, cpus });
const others = (name: string, memory: number, cpus = 1): RunningVm => ({ ...own(name, memory, cpus), lab });
const names = (missing: { memory?: number; cpus?: number; vms?: number }, running: readonly RunningVm[]) =>
  vmsToStop(
    { memory: (missing.memory ?? 0) * GiB, cpus: missing.cpus ?? 0, vms: missing.vms ?? 0 },
    running,
  )?.map(({ name }) => name);

describe("the VMs that would have to stop", () => {
  test("are as few as possible, and of those the smallest that do", () => {
    const running = [own("tiny", 1), own("big", 16), own("middle", 6), own("small", 4)];
    expect(names({ memory: 3 }, running)).toEqual(["small"]);
    expect(names({ memory: 5 }, running)).toEqual(["middle"]);
    expect(names({ memory: 17 }, running)).toEqual(["tiny", "big"]);
  });

  test("are the lab's own where those are enough, even when another lab has a better one", () => {
    expect(names({ memory: 2 }, [own("a", 1), own("b", 1), others("x", 2)])).toEqual(["a", "b"]);
  });

  test("are another lab's where its own are not enough", () => {
    expect(names({ memory: 4 }, [own("a", 1), others("x", 4), others("y", 8)])).toEqual(["x"]);
    expect(names({ memory: 5 }, [own("a", 1), others("x", 4)])).toEqual(["a", "x"]);
  });

  test("make room for everything that is short, and none of them is needless", () => {
    const running = [own("memory", 8, 1), own("cpus", 1, 8), own("both", 6, 6)];
    expect(names({ memory: 6, cpus: 6 }, running)).toEqual(["both"]);
    expect(names({ memory: 7, cpus: 7 }, running)).toEqual(["cpus", "both"]);
    expect(names({ vms: 2 }, [own("a", 1), own("b", 2), own("c", 3)])).toEqual(["a", "b"]);
  });

  test("are unknown when all of them together are not enough", () => {
    expect(names({ memory: 10 }, [own("a", 1), others("x", 4)])).toBeUndefined();
    expect(names({ memory: 1 }, [])).toBeUndefined();
  });
});

test("they are stopped with one command a lab", () => {
  expect(stopCommands([own("a", 1), others("x", 1), others("y", 1)])).toBe(
    "`vmlab stop a` and `vmlab -C /labs/other stop x y`",
  );
  expect(stopCommands([{ ...others("x", 1), lab: { name: "odd", folder: "/my labs/odd" } }])).toBe(
    "`vmlab -C '/my labs/odd' stop x`",
  );
});
