import { expect, test } from "@jest/globals";
import { expandLab } from "../../../engine/config/expand.ts";
import { loadValid } from "./memory-lab.ts";

test("10,000 VMs are read and expanded, in the order of the file", async () => {
  let text =
    'lab = { name = "big", image = "b", provider = "fake" }\nimages.b = { path = "/b.img" }\n[templates.small]\ncpus = 1\n';
  for (let index = 0; index < 10_000; index++) {
    const before = index === 0 ? "" : `depends_on = ["vm.vm-${index - 1}"]\n`;
    text += `[vms.vm-${index}]\ntemplate = "small"\nmemory = "2GiB"\nports = ["80"]\nlabels = { number = "${index}" }\n${before}`;
  }
  const { resources, diagnostics } = expandLab(await loadValid(text));
  expect(diagnostics).toEqual([]);
  expect(resources).toHaveLength(10_001);
  expect(resources.at(-1)).toMatchObject({
    address: "vm.vm-9999",
    dependsOn: ["image.b", "vm.vm-9998"],
    inputs: { cpus: 1, memory: 2 ** 31, labels: { number: "9999" } },
  });
});
