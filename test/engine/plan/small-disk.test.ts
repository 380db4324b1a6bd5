import { expect, test } from "@jest/globals";
import { FAKE_HEAD, fakeLabs } from "../../support/fake-labs.ts";

const create = fakeLabs();

test("a new VM's disk that an image in the store does not fit on is refused when planning; what is there stays", async () => {
  const toml = (more: string) => `${FAKE_HEAD}[vms.web]\n${more}`;
  const lab = await create(toml(""));
  await lab.apply();
  await lab.write("lab.toml", toml('[vms.tiny]\ndisk = "1GiB"\n'));
  const { plan, diagnostics } = await lab.outcome();
  expect(plan).toBeUndefined();
  expect(diagnostics).toEqual([
    {
      severity: "error",
      code: "plan/disk-too-small",
      address: "vm.tiny",
      summary: "vm.tiny has a disk of 1 GiB, and image.base one of 2 GiB",
      hint: "Set disk to 2GiB or more.",
      range: expect.objectContaining({ start: expect.objectContaining({ line: 6 }) }),
    },
  ]);
});
