import { beforeAll, expect, test } from "@jest/globals";
import { indexPositions, type Path } from "../../../engine/config/toml/positions.ts";
import { loadTomlParser } from "../../../engine/config/toml/toml-parser.ts";

beforeAll(async () => {
  await loadTomlParser();
});

const TEXT = `# lab
[vms."a.b"]
x.y = { k = [1, { z = "2" }] } # d

[[moved]]
from = "é😀"
[[moved]]
  from.to = 'é😀\${x}'
[a.b.c]
long = """
  line \\
     \${x}"""
esc = "\\u00e9\\t\${x}"
`;

function at(
  path: Path,
  spot?: Parameters<ReturnType<typeof indexPositions>["find"]>[1],
  text = TEXT,
): string {
  const range = indexPositions(text, "f").find(path, spot);
  if (range === undefined) return "nowhere";
  return `${range.start.line}:${range.start.column}-${range.end.line}:${range.end.column}`;
}

test.each<[Path, string, string]>([
  [["vms"], "2:2-2:5", "2:2-2:5"],
  [["vms", "a.b"], "2:6-2:11", "2:6-2:11"],
  [["vms", "a.b", "x"], "3:1-3:2", "3:1-3:2"],
  [["vms", "a.b", "x", "y"], "3:7-3:31", "3:3-3:4"],
  [["vms", "a.b", "x", "y", "k", 0], "3:14-3:15", "3:14-3:15"],
  [["vms", "a.b", "x", "y", "k", 1, "z"], "3:23-3:26", "3:19-3:20"],
  [["moved", 0, "from"], "6:8-6:13", "6:1-6:5"],
  [["moved", 1, "from", "to"], "8:13-8:22", "8:8-8:10"],
  [["a"], "9:2-9:3", "9:2-9:3"],
  [["a", "b", "c"], "9:6-9:7", "9:6-9:7"],
  [["vms", "a.b", "none"], "2:6-2:11", "2:6-2:11"],
  [["none"], "nowhere", "nowhere"],
])("%j is at %s, its key at %s", (path, value, key) => {
  expect([at(path), at(path, { part: "key" })]).toEqual([value, key]);
});

test("lines that end in CR LF change nothing", () => {
  expect(at(["moved", 1, "from", "to"], {}, TEXT.replaceAll("\n", "\r\n"))).toBe("8:13-8:22");
});

test("a part of a string is found behind escapes, line breaks and in literals", () => {
  const find = (path: Path, value: string) =>
    at(path, { span: { start: value.indexOf("x}"), end: value.indexOf("x}") + 1 } });
  expect(find(["moved", 1, "from", "to"], "é😀${x}")).toBe("8:19-8:20");
  expect(find(["a", "b", "c", "long"], "  line ${x}")).toBe("12:8-12:9");
  expect(find(["a", "b", "c", "esc"], "é\t${x}")).toBe("13:18-13:19");
  const crlf = 'a = """\r\nx\r\n${x}"""';
  expect(at(["a"], { span: { start: 4, end: 5 } }, crlf)).toBe("3:3-3:4");
});
