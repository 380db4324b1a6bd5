import { afterEach, expect, test } from "@jest/globals";
import { outputsDiffer } from "../../../engine/plan/outputs-differ.ts";
import { FakeLab } from "../../support/fake-lab.ts";

let lab: FakeLab | undefined;
afterEach(() => lab?.remove());

const toml = (outputs: string) => `lab = { name = "demo", provider = "fake", image = "base" }
[images]
base = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[secrets]
a = { kind = "password" }
b = { kind = "password" }
[vms.web]
ports = ["80"]
[outputs]
${outputs}
`;

test("outputs differ when another secret, another mark or another value is declared, and only then", async () => {
  const first = 'x = { value = "${secrets.a}" }\nport = { value = ["p", "${vms.web.ports[\'80\']}"] }';
  const current = await FakeLab.create(toml(first));
  lab = current;
  await current.apply();
  const differs = async (outputs: string) => {
    await current.write("lab.toml", toml(outputs));
    return outputsDiffer(await current.plan(), await current.state());
  };
  expect(await differs(first)).toBe(false);
  expect(await differs(first.replace("secrets.a", "secrets.b"))).toBe(true);
  expect(await differs(first.replace('"]', '"], sensitive = true').replace("]  }", "] }"))).toBe(true);
  expect(await differs(first.replace('"p"', '"q"'))).toBe(true);
  expect(await differs('x = { value = "${secrets.a}" }')).toBe(true);
});
