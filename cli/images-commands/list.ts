/** `vmlab images`: what is in the store. */
import { formatSize } from "../../engine/units.ts";
import { imagesCalled, type RegistryImage, unknownImage } from "../../providers/images/registry/index.ts";
import { type CommandContext, colours } from "../context.ts";
import { isFakeLab } from "../fake-lab.ts";
import { type Cell, type Column, renderTable } from "../render/table.ts";
import { printable, wrapText } from "../render/text-width.ts";
import {
  agoText,
  bytesOf,
  conditionText,
  conditionWord,
  imageJson,
  kindText,
  sharedText,
  shortDigest,
  totalText,
  usedByText,
} from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";

const STATE = "STATE";

/** From this width on every column has room. */
const WIDE = 150;

interface ImageColumn extends Column {
  readonly text: (image: RegistryImage, now: number) => string;
  /** Left out on narrow terminals. */
  readonly wide?: true;
  /** What a narrow terminal shows instead. */
  readonly narrow?: (image: RegistryImage) => string;
}

const COLUMNS: readonly ImageColumn[] = [
  { header: "NAME", overflow: "cut-middle", least: 10, text: ({ name }) => printable(name) },
  { header: "DIGEST", text: ({ digest }) => shortDigest(digest) },
  { header: "KIND", text: kindText, narrow: ({ record }) => record?.kind ?? "unknown" },
  { header: "SIZE", align: "right", text: ({ allocated }) => formatSize(allocated) },
  {
    header: "VIRTUAL",
    align: "right",
    wide: true,
    text: ({ record }) => (record === undefined ? "" : formatSize(record.virtual_size)),
  },
  {
    header: "SHARED",
    text: ({ sharedBy }) => sharedText(sharedBy),
    align: "right",
    narrow: ({ sharedBy: { images, vms } }) => (images + vms === 0 ? "" : String(images + vms)),
  },
  { header: "CREATED", align: "right", text: ({ record }, now) => agoText(record?.created, now) },
  {
    header: "SOURCE",
    overflow: "cut-middle",
    least: 16,
    wide: true,
    text: ({ record }) => printable(record?.source ?? ""),
  },
  { header: "USED BY", overflow: "wrap", least: 8, text: usedByText },
  { header: "KEY", wide: true, text: ({ record }) => record?.keys.at(-1)?.slice(0, 12) ?? "" },
  { header: STATE, text: conditionWord },
];

export async function listCommand(
  context: CommandContext,
  names: readonly string[],
  options: { json?: boolean },
): Promise<number> {
  const { out, error } = context.terminal;
  const all = await (await openRegistry(context)).list();
  const images = names.length === 0 ? all : chosen(all, names);
  if (options.json === true) {
    out.write(`${JSON.stringify(images.map(imageJson), null, 2)}\n`);
    return 0;
  }
  if (await isFakeLab(context))
    error.write("This lab's own images are pretended ones, which are not in the store of this host.\n");
  if (images.length === 0) {
    const text =
      'There are no images in the store. "vmlab apply" gets those that a lab needs, "vmlab images import FILE" takes one.';
    out.write(`${wrapText(text, out.columns).join("\n")}\n`);
    return 0;
  }
  const now = context.effects.clock.now();
  const narrow = out.columns !== undefined && out.columns < WIDE;
  const columns = COLUMNS.filter(({ wide }) => !narrow || wide !== true);
  const paint = colours(out);
  const rows = images.map((image) =>
    columns.map((column): Cell => {
      const text = narrow && column.narrow !== undefined ? column.narrow(image) : column.text(image, now);
      return column.header === STATE ? { text, paint: paint.error } : text;
    }),
  );
  const table = renderTable(columns, rows, { width: out.columns, header: paint.faint });
  const prose = [...images.flatMap(warningLine), totalLine(images)];
  const lines = prose.flatMap((line) => wrapText(line, out.columns));
  out.write(`${[...table, "", ...lines].join("\n")}\n`);
  return 0;
}

function warningLine(image: RegistryImage): string[] {
  const what = conditionText(image);
  if (what === "") return [];
  const name = printable(image.name);
  return [`${name} (${shortDigest(image.digest)}): ${what}. See "vmlab images verify ${name}".`];
}

function totalLine(images: readonly RegistryImage[]): string {
  const unused = images.filter(({ needed }) => !needed);
  if (unused.length === 0) return `${totalText(images)}.`;
  const verb = unused.length === 1 ? "is" : "are";
  return `${totalText(images)}. ${unused.length} (${formatSize(bytesOf(unused))}) ${verb} needed by nobody: see "vmlab images prune --dry-run".`;
}

function chosen(all: readonly RegistryImage[], names: readonly string[]): readonly RegistryImage[] {
  const found = new Set(
    names.flatMap((name) => {
      const called = imagesCalled(all, name);
      return called.length === 0 ? unknownImage(all, name) : called;
    }),
  );
  return all.filter((image) => found.has(image));
}
