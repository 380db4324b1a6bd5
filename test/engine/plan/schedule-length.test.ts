import { describe, expect, test } from "@jest/globals";
import { type ScheduleLimits, scheduleLength } from "../../../engine/plan/schedule-length.ts";
import type { Operation, Step } from "../../../engine/plan/types.ts";

const operation = (id: string, estimateMs: number | undefined, needs: readonly string[] = []): Operation => {
  const [address = "", step = ""] = id.split(":");
  return {
    id,
    address,
    step: step as Step,
    action: "create",
    provider: "qemu",
    needs,
    ...(estimateMs === undefined ? {} : { estimateMs }),
  };
};
const build = (name: string, ms: number) => operation(`role.${name}:obtain`, ms);
const boot = (name: string, needs: readonly string[] = []) => [
  operation(`vm.${name}:start`, 1, needs),
  operation(`vm.${name}:ready`, 30, [`vm.${name}:start`]),
];
const length = (operations: readonly Operation[], limits: Partial<ScheduleLimits> = {}) =>
  scheduleLength(operations, {
    parallelism: 10,
    boots: undefined,
    builds: undefined,
    isBuild: ({ step }) => step === "obtain",
    ...limits,
  });

describe("the length of a plan", () => {
  test("is not known when nothing like it ran before", () => {
    expect(length([operation("vm.a:create", undefined)])).toBeUndefined();
  });

  test("is that of its longest chain while everything else goes on beside it", () => {
    const chain = [operation("vm.a:create", 10), operation("vm.b:create", 5, ["vm.a:create"])];
    expect(length([...chain, operation("vm.c:create", 12)])).toBe(15);
  });

  test("counts builds one after the other where only one may run", () => {
    const builds = [build("docker", 57), build("k8s", 40)];
    expect(length(builds)).toBe(57);
    expect(length(builds, { builds: 1 })).toBe(97);
    expect(length([...builds, build("lxd", 30)], { builds: 2 })).toBe(70);
  });

  test("counts machines that wait for others to boot", () => {
    const vms = ["a", "b", "c"].flatMap((name) => boot(name));
    expect(length(vms)).toBe(31);
    expect(length(vms, { boots: 1 })).toBe(93);
    expect(length(vms, { boots: 2 })).toBe(62);
  });

  test("counts what waits because so much runs already", () => {
    const many = ["a", "b", "c", "d"].map((name) => operation(`vm.${name}:create`, 10));
    expect(length(many, { parallelism: 2 })).toBe(20);
  });

  test("lets a machine boot while a build on which it does not stand goes on", () => {
    const [start, ready] = boot("web", ["role.docker:obtain"]);
    const operations = [build("docker", 10), build("k8s", 50)];
    expect(length([...operations, ...(start && ready ? [start, ready] : [])], { builds: 1, boots: 1 })).toBe(
      60,
    );
  });
});
