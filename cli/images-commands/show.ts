/** `vmlab images show`: everything that is known of one image. */
import { join } from "node:path";
import { formatDuration, formatSize } from "../../engine/units.ts";
import { type RegistryImage, userText } from "../../providers/images/registry/index.ts";
import { type CommandContext, colours } from "../context.ts";
import { renderTable } from "../render/table.ts";
import { printable } from "../render/text-width.ts";
import { agoText, conditionText, imageJson, kindText, sharedText, shortDigest } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";

export async function showCommand(
  context: CommandContext,
  what: string,
  options: { json?: boolean },
): Promise<number> {
  const { out } = context.terminal;
  const registry = await openRegistry(context);
  const images = await registry.list();
  const image = await registry.show(what);
  const folder = join(context.home.images, image.digest);
  if (options.json === true) {
    out.write(`${JSON.stringify({ ...imageJson(image), folder }, null, 2)}\n`);
    return 0;
  }
  const paint = colours(out);
  const log = join(folder, "build.log");
  const hasLog = (await context.effects.files.stat(log)) !== undefined;
  const rows = factsOf(image, images, context.effects.clock.now());
  rows.push(["Folder", folder], ...(hasLog ? [["Build log", log] as const] : []));
  const shown = rows
    .filter(([, value]) => value !== "")
    .map(([title, value]) => [{ text: title, paint: paint.faint }, printable(value)]);
  const columns = [{ header: "" }, { header: "", overflow: "wrap", least: 20 }] as const;
  const layout = { width: out.columns, header: undefined };
  out.write(`${renderTable(columns, shown, layout).join("\n")}\n`);
  return 0;
}

type Row = readonly [title: string, value: string];

function factsOf(image: RegistryImage, images: readonly RegistryImage[], now: number): Row[] {
  const { record } = image;
  const layers = image.layers.flatMap((digest) => images.find((other) => other.digest === digest) ?? []);
  const whole = layers.reduce((sum, { allocated }) => sum + allocated, 0);
  const below = layers.length > 1 ? `, ${formatSize(whole)} with the layers below` : "";
  const virtual = record === undefined ? "" : `; ${formatSize(record.virtual_size)} for a guest`;
  const condition = conditionText(image);
  const rows: Row[] = [
    ["Name", image.name],
    ["Digest", `sha256:${image.digest}`],
    [
      "State",
      condition === "" ? 'whole, as far as a look tells ("vmlab images verify" reads it)' : condition,
    ],
    ["Size", `${formatSize(image.allocated)} on disk${below}${virtual}`],
  ];
  if (record !== undefined) {
    const made = record.address === undefined ? "" : `, first made for ${record.address}`;
    const took = record.build_ms === undefined ? "" : `, built in ${formatDuration(record.build_ms)}`;
    rows.push(
      ["Kind", `${kindText(image)}${made}`],
      [
        "Created",
        `${record.created.slice(0, 19).replace("T", " ")} UTC, ${agoText(record.created, now)}${took}`,
      ],
      ["Source", record.source],
      [
        "System",
        [record.os, record.user === undefined ? undefined : `login as ${record.user}`]
          .filter(isText)
          .join(", "),
      ],
      ...list("Steps", record.steps ?? []),
      ...list("Keys", record.keys),
    );
  }
  rows.push(
    ...list(
      "Layers",
      layers.map(({ digest, name, allocated }) => `${shortDigest(digest)} ${name}, ${formatSize(allocated)}`),
    ),
    ["Shared with", sharedText(image.sharedBy)],
    ...list("Used by", image.users.map(userText)),
  );
  if (!image.needed) {
    const since =
      image.unusedSince === undefined ? "" : `, for ${formatDuration(Math.max(0, now - image.unusedSince))}`;
    rows.push(["Used by", `nobody${since}`]);
  }
  return rows;
}

function list(title: string, values: readonly string[]): Row[] {
  return values.map((value, index) => [index === 0 ? title : "", value]);
}

function isText(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
