import { expect, test } from "@jest/globals";
import { palette } from "../../../cli/palette.ts";
import { renderDiagnostics } from "../../../cli/render/diagnostics.ts";
import type { Range } from "../../../engine/diagnostics.ts";

const SOURCE = ["[vms.web]", '\tmemroy = "1GiB"', `run = ["${"x".repeat(120)}", "broken"]`];

const layout = {
  palette: palette(false),
  width: 80,
  sourceLine: (range: Range) => SOURCE[range.start.line - 1],
};

function range(line: number, column: number, end: number): Range {
  return { file: "lab.toml", start: { line, column }, end: { line, column: end } };
}

test("a diagnostic says what, where with the line underlined, why, and what to do", () => {
  const text = renderDiagnostics(
    [
      { code: "config/odd", severity: "warning", summary: "this is odd" },
      {
        code: "config/unknown-key",
        severity: "error",
        summary: 'unknown key "memroy" in vms.web',
        range: range(2, 2, 8),
        detail:
          "A VM has memory, cpus and disk, and every one of them may be given in the template as well as here.\n  evidence stays as it is, also when it is far longer than the terminal is wide, as logs are",
        hint: 'Did you mean "memory"?',
        related: [{ message: "the VM", range: range(1, 2, 9) }],
      },
    ],
    layout,
  );
  expect(text).toBe(`Error: unknown key "memroy" in vms.web [config/unknown-key]
  at lab.toml:2:2
  2 |  memroy = "1GiB"
    |  ^^^^^^
  at lab.toml:1:2: the VM
  1 | [vms.web]
    |  ^^^^^^^
  A VM has memory, cpus and disk, and every one of them may be given in the
  template as well as here.
    evidence stays as it is, also when it is far longer than the terminal is wide, as logs are
  Hint: Did you mean "memory"?

Warning: this is odd [config/odd]
`);
});

test("a long source line is cut around what is wrong", () => {
  const column = (SOURCE[2] ?? "").indexOf('"broken"') + 1;
  const text = renderDiagnostics(
    [{ code: "config/x", severity: "error", summary: "wrong", range: range(3, column, column + 8) }],
    layout,
  );
  const lines = text.split("\n");
  expect(lines[2]).toMatch(/^ {2}3 \| …x+", "broken"\]$/);
  expect(lines[3]?.indexOf("^")).toBe(lines[2]?.indexOf('"broken"'));
  expect(lines[3]).toMatch(/^ {4}\| +\^{8}$/);
});

test("control characters of a guest never reach the terminal", () => {
  const text = renderDiagnostics(
    [
      {
        code: "vm/x",
        severity: "error",
        summary: "failed",
        detail: "\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007end",
      },
    ],
    layout,
  );
  expect(text).toBe("Error: failed [vm/x]\n  red end\n");
});

test("a long summary goes on below its beginning", () => {
  const summary =
    "the machine does not start, for a reason that takes more words than a narrow terminal has room for";
  const text = renderDiagnostics([{ code: "vm/start-failed", severity: "error", summary }], layout);
  expect(text).toBe(`Error: the machine does not start, for a reason that takes more words than a
       narrow terminal has room for [vm/start-failed]
`);
});
