import { expect, test } from "@jest/globals";
import { palette } from "../../../cli/palette.ts";
import { LiveRun } from "../../../cli/render/live-run.ts";
import { PlainRun } from "../../../cli/render/plain-run.ts";
import type { Event, OperationLabel } from "../../../engine/events.ts";

const operation: OperationLabel = {
  id: "vm.web:provision",
  address: "vm.web",
  step: "provision",
  action: "create",
};
const layout = () => ({
  palette: palette(false),
  diagnostics: { palette: palette(false), width: undefined, sourceLine: () => undefined },
  addressWidth: 8,
});
const EVENTS: readonly Event[] = [
  { type: "run-started", operations: 1 },
  { type: "operation-started", operation },
  {
    type: "operation-progress",
    operation,
    phase: "run make",
    progress: { unit: "steps", done: 0, total: 2 },
  },
  { type: "operation-output", operation, line: "cc -o\u001b[2J web" },
  { type: "operation-output", operation, line: "ld web" },
];

test("a pipe gets every line of output, with the VM it is of", () => {
  let text = "";
  const plain = new PlainRun({
    write: (more) => {
      text += more;
    },
    layout,
  });
  for (const event of EVENTS) plain.take(event);
  expect(text).toBe(`vm.web    provisioning
vm.web    run make
vm.web    | cc -o web
vm.web    | ld web
`);
});

test("a terminal shows the last line of output beside what runs, until the next phase", () => {
  const printed: string[] = [];
  let shown: readonly string[] = [];
  const area = {
    print: (text: string) => printed.push(text),
    show: (lines: readonly string[]) => {
      shown = lines;
    },
    close: () => {},
  };
  const live = new LiveRun({ area, layout, width: () => 100, now: () => 0 });
  for (const event of EVENTS) live.take(event);
  live.draw();
  expect(printed).toEqual([]);
  expect(shown).toEqual(["vm.web    run make  [----------------]  0 of 2  | ld web  0ms"]);
  live.take({ type: "operation-progress", operation, phase: "waiting for ready.command" });
  live.draw();
  expect(shown).toEqual(["vm.web    waiting for ready.command  0ms"]);
});
