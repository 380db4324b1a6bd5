/** How long several VMs take to be ready, beside one: independent ones, and a chain. */
import { expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { report } from "./measure.ts";

const SHAPES = {
  one: () => vm("a"),
  "three independent": () => vm("a") + vm("b") + vm("c"),
  "a chain of three": () => vm("a") + vm("b", "a") + vm("c", "b"),
};

function vm(name: string, after?: string): string {
  const order = after === undefined ? "" : `depends_on = ["vm.${after}"]\n`;
  return `[vms.${name}]\nimage = "tiny"\nmemory = "128MiB"\ndisk = "96MiB"\n${order}`;
}

test("real machines: several at once and one after another, as multiples of one", async () => {
  const tiny = await tinyGuest();
  const took: Record<string, number> = {};
  for (const [shape, vms] of Object.entries(SHAPES)) {
    const lab = await CliLab.create(
      `lab = { name = "order" }\n[images]\ntiny = { path = "${tiny}", user = "lab" }\n${vms()}`,
    );
    try {
      const begun = Date.now();
      await lab.ok("apply", "--yes");
      took[shape] = Date.now() - begun;
    } finally {
      await lab.dispose();
    }
  }
  const one = took.one ?? 1;
  for (const [shape, ms] of Object.entries(took))
    report(`${shape}: ready after ${(ms / 1000).toFixed(1)} s, ${(ms / one).toFixed(2)} times one VM's time`);
  // Emulated guests share the host's cores, and at most two boot at a time: the chain is the upper bound.
  expect(took["three independent"]).toBeLessThan((took["a chain of three"] ?? 0) * 1.25);
}, 900_000);
