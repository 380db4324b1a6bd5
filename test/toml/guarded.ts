/**
 * Where vmlab's reader of TOML differs from TOML 1.0, all in one place. What @iarna/toml 3.0.0 gets wrong without a
 * word is refused with a diagnostic; so is valid TOML that no setting of a lab can take. Nothing is lost silently.
 */
export const GUARDED: readonly (readonly [title: string, text: string, code: string])[] = [
  // The reader loses the table, or changes the host's own objects.
  ["a table named constructor", "[vms.constructor]\na = 1", "config/reserved-key"],
  ["an empty table named valueOf", "[vms.valueOf]", "config/reserved-key"],
  ["a key named __proto__", "a = { __proto__ = 1 }", "config/reserved-key"],
  ["a reserved name in disguise", '["\\u0063onstructor"]\na = 1', "config/reserved-key"],
  ["a reserved name in a dotted key", "a.toString.b = 1", "config/reserved-key"],
  // The reader wraps round beyond 64 bits, and JavaScript is inexact beyond 53.
  ["a number beyond 64 bits", "a = 18446744073709551617", "config/integer-too-big"],
  ["2^63", "a = 9223372036854775808", "config/integer-too-big"],
  ["a hexadecimal number beyond 64 bits", "a = 0xFFFFFFFFFFFFFFFFFF", "config/integer-too-big"],
  ["2^53 in a list", "a = [1, { b = 9007199254740993 }]", "config/integer-too-big"],
  // Valid, and of no use to any setting.
  ["a date", "a = 1979-05-27", "config/date-not-supported"],
  ["a time", "a = 07:32:00", "config/date-not-supported"],
  ["a date and time", "a = [1979-05-27T07:32:00-08:00]", "config/date-not-supported"],
  ["infinity", "a = -inf", "config/not-a-number"],
  ["not a number", "a = { b = nan }", "config/not-a-number"],
  ["very deep nesting", `a = ${"[".repeat(120)}${"]".repeat(120)}`, "config/nested-too-deeply"],
];

/** Not TOML 1.0, and read all the same; nothing that is written is lost. */
export const TOLERATED: readonly (readonly [title: string, text: string, value: unknown])[] = [
  [
    "a subtable of a table made by dotted keys of another",
    "[a]\nb.c = 1\n[a.b.d]\ne = 1",
    { a: { b: { c: 1, d: { e: 1 } } } },
  ],
  ["dotted keys into a table that has a header of its own", "[a.b]\n[a]\nb.c = 1", { a: { b: { c: 1 } } }],
  ["a lone surrogate as it is", 'a = "\ud800"', { a: "\ud800" }],
];
