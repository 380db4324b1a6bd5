import { describe, expect, test } from "@jest/globals";
import { removeValue, setValue } from "../../../engine/config/set-value.ts";

const set = (text: string) => setValue(text, ["limits", "vms"], 3);
const remove = (text: string) => removeValue(text, ["limits", "vms"]);

describe("a value is set", () => {
  test.each([
    ["in a file that is empty", "", "[limits]\nvms = 3\n"],
    ["behind other tables", "[trash]\nkeep = '1d'", "[trash]\nkeep = '1d'\n\n[limits]\nvms = 3\n"],
    ["in its table, which ends there", "[limits] # few\n[trash]\n", "[limits] # few\nvms = 3\n[trash]\n"],
    [
      "behind the last of its table, as that is indented, with all comments",
      "# mine\n[limits]\n  cpus = 4 # four\n\n# later\n[trash]\n",
      "# mine\n[limits]\n  cpus = 4 # four\n  vms = 3\n\n# later\n[trash]\n",
    ],
    ["at the end of a file without a last newline", "[limits]\ncpus = 4", "[limits]\ncpus = 4\nvms = 3\n"],
    [
      "with the newlines that the file has",
      "[limits]\r\ncpus = 4\r\n",
      "[limits]\r\ncpus = 4\r\nvms = 3\r\n",
    ],
    ["in an inline table", "limits = { cpus = 4 } # x\n", "limits = { cpus = 4, vms = 3 } # x\n"],
    ["in an inline table that is empty", "limits = {}\n", "limits = { vms = 3 }\n"],
    ["beside dotted keys", "limits.cpus = 4\n[trash]\n", "limits.cpus = 4\nlimits.vms = 3\n[trash]\n"],
    ["in the place of another", "[limits]\nvms = 1 # one\n", "[limits]\nvms = 3 # one\n"],
    ["in the place of another, inline", "limits = { vms = 1 }\n", "limits = { vms = 3 }\n"],
    ["behind a byte order mark", "\uFEFF[limits]\ncpus = 4\n", "\uFEFF[limits]\ncpus = 4\nvms = 3\n"],
  ])("%s", async (_, before, after) => {
    expect(await set(before)).toBe(after);
  });
});

describe("a value is removed", () => {
  test.each([
    ["with its line", "[limits]\nvms = 1 # one\n# comment\ncpus = 4\n", "[limits]\n# comment\ncpus = 4\n"],
    ["from dotted keys", "limits.cpus = 4\nlimits.vms = 1\n", "limits.cpus = 4\n"],
    ["first of an inline table", "limits = { vms = 1, cpus = 4 }\n", "limits = { cpus = 4 }\n"],
    ["last of an inline table", "limits = { cpus = 4, vms = 1 }\n", "limits = { cpus = 4 }\n"],
  ])("%s", async (_, before, after) => {
    expect(await remove(before)).toBe(after);
  });

  test("gives back the text to which it was added", async () => {
    for (const text of ["[limits]\ncpus = 4\n", "limits = { cpus = 4 }\n", "limits.cpus = 4\n"])
      expect(await remove(await set(text))).toBe(text);
  });
});

test("what is no table is not made one", async () => {
  await expect(set("limits = 3\n")).rejects.toMatchObject({ diagnostics: [{ code: expect.any(String) }] });
});
