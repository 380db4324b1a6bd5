import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addTable, removeTable, replaceValue } from "../../../engine/config/edit.ts";
import { formatToml } from "../../../engine/config/format.ts";
import { starterLab } from "../../../engine/config/starter.ts";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { problems } from "./memory-lab.ts";

async function codes(action: Promise<unknown>): Promise<unknown> {
  try {
    return await action;
  } catch (error) {
    return isDiagnosticsError(error) ? error.diagnostics.map(({ code }) => code) : error;
  }
}

const TEXT = `# the lab
lab = { name = "demo" } # same line

# web
[vms.web] # header
cpus = 1 # one
# inside
memory = "1GiB"

[vms.web.login]
user = "joe"

# database
[vms.db]
cpus = 2
# the end
`;

describe("adding a table", () => {
  test("appends it", async () => {
    expect(
      await addTable("a = 1\n", ["vms", "web"], {
        role: "docker",
        cpus: 2,
        labels: { a: 'x"y' },
        run: ["a\nb"],
      }),
    ).toBe('a = 1\n\n[vms.web]\nrole = "docker"\ncpus = 2\nlabels = { a = "x\\"y" }\nrun = ["a\\nb"]\n');
  });

  test("keeps the kind of line breaks, and ends an unfinished line", async () => {
    expect(await addTable("a = 1\r\nb = 2", ["vms", "x"], {})).toBe("a = 1\r\nb = 2\r\n\r\n[vms.x]\r\n");
  });

  test("refuses a name that is taken and a place that cannot take it", async () => {
    expect(await codes(addTable(TEXT, ["vms", "web"], {}))).toEqual(["config/table-exists"]);
    expect(await codes(addTable("vms = { a = {} }", ["vms", "web"], { cpus: 1 }))).toEqual([
      "config/cannot-edit",
    ]);
    expect(await codes(addTable("a = ", ["vms", "web"], {}))).toEqual(["config/toml-syntax"]);
  });
});

describe("replacing a value", () => {
  test("leaves everything else as it is, however the table is written", async () => {
    const path = ["images", "web", "digest"];
    for (const [before, after] of [
      [
        '[images.web] # mine\ndigest = "a" # old\nuser = "joe"\n',
        '[images.web] # mine\ndigest = "b" # old\nuser = "joe"\n',
      ],
      [
        '[images]\nweb = { user = "joe", digest = "a" }\n',
        '[images]\nweb = { user = "joe", digest = "b" }\n',
      ],
      ["images.web.digest = 'a'\n", 'images.web.digest = "b"\n'],
      ['\uFEFF[images.web]\r\ndigest = """a"""\r\n', '\uFEFF[images.web]\r\ndigest = "b"\r\n'],
    ] as const)
      expect(await replaceValue(before, path, "b")).toBe(after);
    expect(await replaceValue(TEXT, ["vms", "web", "cpus"], 4)).toBe(TEXT.replace("cpus = 1", "cpus = 4"));
  });

  test("refuses what is not there", async () => {
    expect(await codes(replaceValue(TEXT, ["vms", "web", "disk"], "1GiB"))).toEqual(["config/no-table"]);
    expect(await codes(replaceValue(TEXT, ["vms", "web"], "x"))).toEqual(["config/no-table"]);
  });
});

describe("removing a table", () => {
  test("takes it out with its subtables and keeps comments on lines of their own", async () => {
    expect(await removeTable(TEXT, ["vms", "web"])).toBe(`# the lab
lab = { name = "demo" } # same line

# web
# inside

# database
[vms.db]
cpus = 2
# the end
`);
  });

  test("finds it as dotted keys and as an inline value", async () => {
    expect(await removeTable("[vms]\nweb.cpus = 1\ndb.cpus = 1\nweb.memory = 2\n", ["vms", "web"])).toBe(
      "[vms]\ndb.cpus = 1\n",
    );
    expect(await removeTable("[vms]\nweb = { cpus = 1 }\ndb = {}\n", ["vms", "web"])).toBe(
      "[vms]\ndb = {}\n",
    );
    expect(await removeTable("vms.web.cpus = 1\nvms.db.cpus = 1\n", ["vms", "web"])).toBe(
      "vms.db.cpus = 1\n",
    );
  });

  test("takes a value over several lines out as a whole", async () => {
    expect(await removeTable('[vms.a]\nrun = [\n  "[vms.b]", # x\n]\n[vms.b]\n', ["vms", "a"])).toBe(
      "[vms.b]\n",
    );
  });

  test("refuses what is not there and what stands inside an inline table", async () => {
    expect(await codes(removeTable(TEXT, ["vms", "none"]))).toEqual(["config/no-table"]);
    expect(await codes(removeTable("vms = { a = { cpus = 1 }, b = {cpus = 2} }", ["vms", "a"]))).toEqual([
      "config/cannot-edit",
    ]);
  });
});

describe("for any lab.toml", () => {
  const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/);
  const value = fc.oneof(
    fc.integer().map(String),
    fc.constantFrom(
      '"x # no comment"',
      "'''a\n[vms.zz]\n'''",
      "[\n  1, # one\n  2,\n]",
      "{ a = 1 }",
      '"${vars.x}"',
    ),
  );
  const filler = fc.constantFrom("", "# comment", "   # indented", "\n", "# [vms.web]");
  const trailing = fc.constantFrom("", " # trailing");
  const table = fc
    .tuple(
      fc.constantFrom("vms", "images", '"vms"', " vms "),
      fc.array(fc.tuple(name, value, trailing, filler), { maxLength: 3 }),
      filler,
      trailing,
    )
    .map(([group, keys, before, after]) => (own: string) => {
      const unique = [...new Map(keys.map((key) => [key[0], key])).values()];
      const lines = unique.map(
        ([key, text, comment, above]) => `${above === "" ? "" : `${above}\n`}${key} = ${text}${comment}\n`,
      );
      return `${before}\n[${group}.${own}]${after}\n${lines.join("")}`;
    });
  const text = fc
    .tuple(
      fc.uniqueArray(name, { maxLength: 4 }),
      fc.array(table, { minLength: 4, maxLength: 4 }),
      filler,
      fc.boolean(),
    )
    .map(([names, tables, end, crlf]) => {
      const body = `lab = { name = "x" } # lab\n${names.map((own, index) => tables[index]?.(own) ?? "").join("\n")}${end}\n`;
      return { names, text: crlf ? body.replaceAll("\n", "\r\n") : body };
    });
  const ownLineComments = (toml: string) =>
    toml
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line.startsWith("#"));

  test("add and then remove gives back the same text", async () => {
    await fc.assert(
      fc.asyncProperty(text, async ({ text: before }) => {
        const added = await addTable(before, ["vms", "new-name-of-it"], { cpus: 2, login: { user: "x" } });
        expect(added.startsWith(before)).toBe(true);
        expect(await removeTable(added, ["vms", "new-name-of-it"])).toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  test("remove keeps every comment that has a line of its own, and every other table's text", async () => {
    await fc.assert(
      fc.asyncProperty(text, async ({ text: before, names }) => {
        for (const own of names) {
          const after = await codes(removeTable(before, ["vms", own]));
          if (typeof after !== "string") {
            expect(after).toEqual(["config/no-table"]);
            continue;
          }
          expect(ownLineComments(after)).toEqual(ownLineComments(before));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("formatting", () => {
  test("sets spaces and lines, keeps comments, order and #:schema", async () => {
    const text =
      '#:schema ./lab.schema.json\nlab={name="demo"}   #x\n\n\n\n[vms.web]\ncpus=2\nmemory =   "1GiB"\nrun=["a","b"]\n[vms.a]\n';
    const formatted = await formatToml(text, "lab.toml");
    expect(formatted).toBe(
      '#:schema ./lab.schema.json\nlab = { name = "demo" } #x\n\n[vms.web]\ncpus = 2\nmemory = "1GiB"\nrun = ["a", "b"]\n[vms.a]\n',
    );
    expect(await formatToml(formatted, "lab.toml")).toBe(formatted);
  });

  test("refuses what is not TOML, with the place", async () => {
    expect(await codes(formatToml("a = ", "x.toml"))).toEqual(["config/toml-syntax"]);
  });
});

describe("the starter", () => {
  test("is a lab without a problem, formatted", async () => {
    expect(await problems(starterLab("demo"))).toBe("");
    expect(await formatToml(starterLab("demo"), "lab.toml")).toBe(starterLab("demo"));
  });

  test("is still one with every commented setting switched on", async () => {
    const on = starterLab("demo")
      .split("\n")
      .map((line) => (/^# (\[|[a-z_]+ = )/.test(line) ? line.slice(2) : line))
      .join("\n");
    expect(await problems(on)).toBe("");
    expect(on).toContain("[images.noble]\nurl");
  });
});
