import { expect, test } from "@jest/globals";
import { problems } from "./memory-lab.ts";

const LAB = `lab = { name = "demo" }
[images]
b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
big = { image = "b", packages = ["git"], disk = "12GiB" }
on-big = { image = "big", packages = ["make"], disk = "4GiB" }
`;

test("a disk that the image would not fit on is refused at its line, the biggest image below deciding", async () => {
  expect(
    await problems(`${LAB}[vms.a]
image = "on-big"
disk = "8GiB"
[vms.b]
image = "on-big"
disk = "12GiB"
[vms.c]
image = "b"
disk = "3GiB"
`),
  ).toBe(`lab.toml:8:8-14 config/disk-too-small: vm.a has a disk of 8 GiB, and image.on-big one of 12 GiB
  → Set disk to 12GiB or more, or give image.on-big a smaller one.`);
});
