import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parseMeminfo } from "../../../engine/effects-node/host.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const folder = temporaryFolders();
const { host, clock } = nodeEffects();

test("the host's ids are stable and not the machine id itself", async () => {
  expect(await host.hostId()).toMatch(/^[0-9a-f]{32}$/);
  expect(await nodeEffects().host.hostId()).toBe(await host.hostId());
  expect(await nodeEffects().host.bootId()).toBe(await host.bootId());
});

test("disk space is that of the nearest existing parent", async () => {
  const root = await folder();
  const { total, free } = await host.disk(join(root, "not", "there"));
  expect(total).toBe((await host.disk(root)).total);
  expect(free).toBeGreaterThan(0);
  expect(free).toBeLessThanOrEqual(total);
});

test("memory is read from the kernel's own account", async () => {
  expect(parseMeminfo("MemTotal:  1000 kB\nMemFree: 5 kB\nMemAvailable:   600 kB\n")).toEqual({
    total: 1_024_000,
    available: 614_400,
  });
  const { total, available } = await host.memory();
  expect(available).toBeLessThanOrEqual(total);
});

test("a sleep ends with the signal's reason", async () => {
  const reason = new Error("interrupted");
  const controller = new AbortController();
  const sleeping = clock.sleep(600_000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(clock.sleep(600_000, AbortSignal.abort(reason))).rejects.toBe(reason);
});
