/** `vmlab images verify`: reads every byte of images and their layers. */
import { type Checked, imagesCalled, unknownImage } from "../../providers/images/registry/index.ts";
import { type CommandContext, colours } from "../context.ts";
import type { Paint, Palette } from "../palette.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { printable } from "../render/text-width.ts";
import { count, shortDigest } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";
import { withProgress } from "./with-progress.ts";

export async function verifyCommand(
  context: CommandContext,
  names: readonly string[],
  options: { repair?: boolean; json?: boolean },
): Promise<number> {
  const { out } = context.terminal;
  const registry = await openRegistry(context);
  const images = names.length === 0 ? [] : await registry.list();
  const digests = names.flatMap((name) => {
    const called = imagesCalled(images, name);
    return called.length === 0 ? unknownImage(images, name) : called.map(({ digest }) => digest);
  });
  const repair = options.repair === true;
  const checked = await withProgress(context, { json: options.json === true }, (work) =>
    registry.verify(names.length === 0 ? undefined : [...new Set(digests)], { repair, context: work }),
  );
  const bad = checked.filter(({ outcome }) => outcome !== "whole" && outcome !== "mended");
  if (options.json === true) out.write(`${JSON.stringify(checked, null, 2)}\n`);
  else if (checked.length === 0) out.write("There are no images in the store.\n");
  else out.write(`${lines(context, checked, bad).join("\n")}\n`);
  return bad.length === 0 ? 0 : 1;
}

function lines(context: CommandContext, checked: readonly Checked[], bad: readonly Checked[]): string[] {
  const { out } = context.terminal;
  const paint = colours(out);
  const rows = checked.flatMap(({ name, digest, outcome, notes, remedy }): Cell[][] => {
    const [first = "", ...rest] = [...notes, ...(remedy === undefined ? [] : [`→ ${remedy}`])];
    return [
      [
        printable(name),
        shortDigest(digest),
        { text: outcome, paint: paintOf(outcome, paint) },
        printable(first),
      ],
      ...rest.map((note) => ["", "", "", printable(note)]),
    ];
  });
  const columns = [
    { header: "NAME", overflow: "cut-middle", least: 12 },
    { header: "DIGEST" },
    { header: "FOUND" },
    { header: "NOTE", overflow: "wrap", least: 24 },
  ] as const;
  const table = renderTable(columns, rows, { width: out.columns, header: paint.faint });
  const mended = checked.filter(({ outcome }) => outcome === "mended").length;
  const verdict =
    bad.length > 0
      ? `${bad.length} of ${count(checked.length, "image")} ${bad.length === 1 ? "is not as it" : "are not as they"} should be.`
      : mended > 0
        ? `${count(checked.length, "image")} read: all are whole now, ${mended} mended.`
        : `${count(checked.length, "image")} read: all are whole.`;
  return [...table, "", verdict];
}

function paintOf(outcome: Checked["outcome"], paint: Palette): Paint {
  switch (outcome) {
    case "whole":
    case "mended":
      return paint.good;
    case "mendable":
    case "stray":
      return paint.warning;
    case "damaged":
    case "missing":
      return paint.error;
  }
}
