import { expect, test } from "@jest/globals";
import { renderTable } from "../../../cli/render/table.ts";

const COLUMNS = [
  { header: "NAME", overflow: "cut-middle", least: 8 },
  { header: "CPUS", align: "right" },
  { header: "PORTS" },
  { header: "NOTE", overflow: "wrap", least: 10 },
] as const;
const ROWS = [
  ["web", "2", "", "stopped by a command"],
  ["k8s-worker-number-12", "16", "", ""],
];
const plain = (text: string): string => text;

test("columns are aligned and those without content are left out", () => {
  expect(renderTable(COLUMNS, ROWS, { width: undefined, header: plain })).toEqual([
    "NAME                  CPUS  NOTE",
    "web                      2  stopped by a command",
    "k8s-worker-number-12    16",
  ]);
});

test("a narrow terminal cuts and wraps where the columns allow it", () => {
  expect(renderTable(COLUMNS, ROWS, { width: 32, header: plain })).toEqual([
    "NAME          CPUS  NOTE",
    "web              2  stopped by a",
    "                    command",
    "k8s-wo…er-12    16",
  ]);
});
