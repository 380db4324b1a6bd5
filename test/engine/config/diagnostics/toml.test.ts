/**
 * What a reader sees of text that is no TOML, or TOML that no setting can hold. The whole text is expected, with file,
 * line and columns.
 */
import { expect, test } from "@jest/globals";
import { LAB, problems } from "../memory-lab.ts";

test("a syntax error", async () => {
  expect(
    await problems(`[lab
name = 1`),
  ).toBe(
    `lab.toml:2:1-2 config/toml-syntax: Not valid TOML: the key, equals sign, and value must be on the same line`,
  );
});

test("a table written twice", async () => {
  expect(
    await problems(`lab = { name = "x" }
[vms.a]
[vms.a]`),
  ).toBe(`lab.toml:3:6-7 config/duplicate-key: "vms.a" is defined twice
  → Keep one of the two.`);
});

test("a key written twice", async () => {
  expect(
    await problems(`lab = { name = "x" }
[vms.a]
cpus = 1
cpus = 2`),
  ).toBe(`lab.toml:4:1-2 config/duplicate-key: "cpus" is defined twice
  → Keep one of the two.`);
});

test("values that no setting takes", async () => {
  expect(
    await problems(`lab = { name = "x" }
d = 1999-02-03
i = 9223372036854775808
f = inf`),
  ).toBe(`lab.toml:2:5-15 config/date-not-supported: d is a date or time, which no setting takes
  → Write it as a string in quotes.
lab.toml:3:5-24 config/integer-too-big: i is beyond the whole numbers that vmlab can hold exactly
  Whole numbers go from -9007199254740991 to 9007199254740991.
  → Use a smaller number, or write it as a string in quotes.
lab.toml:4:5-8 config/not-a-number: f is not a finite number
  → Write a plain number.`);
});

test("a day that does not exist", async () => {
  expect(
    await problems(`lab = { name = "x" }
d = 1999-02-30
`),
  ).toBe(`lab.toml:2:14-15 config/toml-syntax: Not valid TOML: there is no such date or time`);
});

test("a name that the reader of TOML would lose", async () => {
  expect(
    await problems(
      LAB +
        `[vms.Web_1]
[vms.x-]
[vars.A]
[vms.constructor]`,
    ),
  ).toBe(`lab.toml:6:6-17 config/reserved-key: "constructor" cannot be used as a key
  The name is reserved: it belongs to every object of the language vmlab is written in.
  → Choose another name.`);
});

test("lines that end in CR LF", async () => {
  expect(
    await problems(`lab = { name = "demo", image = "b" }\r
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }\r
[vms.web]\r
memroy = 1\r
`),
  ).toBe(`lab.toml:4:1-7 config/unknown-key: vms.web has no setting "memroy"
  → Did you mean "memory"?`);
});
