import { afterEach } from "@jest/globals";
import { FakeLab } from "./fake-lab.ts";

/** The head of a lab on the fake provider with one image, under which tests write their VMs. */
export const FAKE_HEAD = `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
`;

/** Makes labs that are removed after each test of the file that calls it. */
export function fakeLabs(): (toml: string) => Promise<FakeLab> {
  const made: FakeLab[] = [];
  afterEach(async () => {
    for (const lab of made.splice(0)) await lab.remove();
  });
  return async (toml) => {
    const lab = await FakeLab.create(toml);
    made.push(lab);
    return lab;
  };
}
