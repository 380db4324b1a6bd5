import { expect, test } from "@jest/globals";
import { formatDuration, formatEstimate, formatSize, parseDuration, parseSize } from "../../engine/units.ts";

test.each([
  ["2GiB", 2 * 1024 ** 3],
  ["512 MiB", 512 * 1024 ** 2],
  ["10GB", 10_000_000_000],
  ["1.5Ki", 1536],
  ["1.5G", 1_500_000_000],
  ["0.3B", 1],
  ["4kB", 4000],
  ["7", 7],
  ["0", 0],
  ["1TiB", 1024 ** 4],
])("the size %s is %d bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "GiB", "2 G B", "-1GiB", "1e3", "2gib", "0x10", "9999999999TiB"])("%j is no size", (text) => {
  expect(parseSize(text)).toBeUndefined();
});

test("a number is a size in bytes when it can be one", () => {
  expect([parseSize(12), parseSize(1.5), parseSize(-1), parseSize(Number.NaN)]).toEqual([
    12,
    undefined,
    undefined,
    undefined,
  ]);
});

test.each([
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["7d", 604_800_000],
  ["1d2h3m4s", 93_784_000],
])("the duration %s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "m", "5 m", "30s5m", "-5m", "1.5h"])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1024 * 1023.6, "1 MiB"],
  [612 * 1024 ** 2, "612 MiB"],
  [1.25 * 1024 ** 3, "1.3 GiB"],
  [20 * 1024 ** 3, "20 GiB"],
  [-3 * 1024 ** 3, "-3 GiB"],
  [5000 * 1024 ** 4, "5000 TiB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [0, "0ms"],
  [350, "350ms"],
  [1000, "1s"],
  [40_400, "40s"],
  [59_700, "1m"],
  [80_000, "1m 20s"],
  [360_000, "6m"],
  [599_600, "10m"],
  [3_600_000, "1h"],
  [7_500_000, "2h 5m"],
  [604_800_000, "7d"],
  [90_000_000, "1d 1h"],
])("%d ms read %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("an estimate says that it is one", () => {
  expect(formatEstimate(360_000)).toBe("~6m");
});
