import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

const OUTPUT = '\n[outputs.token]\nvalue = "abc"\n\n[outputs.port]\nvalue = 80\n';

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB + OUTPUT);
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

test("an output that lab.toml calls sensitive by now is hidden before the next apply", async () => {
  expect(await lab.succeed("output")).toBe('port  = 80\ntoken = "abc"\n');
  await lab.write("lab.toml", LAB + OUTPUT.replace('"abc"', '"abc"\nsensitive = true'));
  expect(await lab.succeed("output")).toBe("port  = 80\ntoken = (sensitive)\n");
  expect(JSON.parse(await lab.succeed("output", "--json"))).toEqual({
    port: { sensitive: false, value: 80 },
    token: { sensitive: true },
  });
  expect(await lab.succeed("output", "token")).toBe("(sensitive)\n");
  expect(await lab.succeed("output", "token", "--raw")).toBe("abc");
});

test("outputs are shown without a lab.toml that can be read, as recorded", async () => {
  await lab.write("lab.toml", "[");
  expect(await lab.vmlab(["output"])).toEqual({
    code: 0,
    stdout: 'port  = 80\ntoken = "abc"\n',
    stderr: "",
    questions: [],
  });
});
