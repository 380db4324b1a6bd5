/** `vmlab images history`: the layers of an image, the highest first, as `docker history` does it. */
import { formatSize } from "../../engine/units.ts";
import type { RegistryImage } from "../../providers/images/registry/index.ts";
import { type CommandContext, colours } from "../context.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { cutMiddle, printable } from "../render/text-width.ts";
import { agoText, shortDigest } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";

/** What the columns before the last one take at most. */
const OTHER_COLUMNS = 58;

export async function historyCommand(
  context: CommandContext,
  what: string,
  options: { json?: boolean },
): Promise<number> {
  const { out } = context.terminal;
  const registry = await openRegistry(context);
  const images = await registry.list();
  const image = await registry.show(what);
  const layers = image.layers
    .flatMap((digest) => images.find((other) => other.digest === digest) ?? [])
    .reverse();
  if (options.json === true) {
    out.write(`${JSON.stringify(layers.map(layerJson), null, 2)}\n`);
    return 0;
  }
  const now = context.effects.clock.now();
  // An address has no spaces at which it could be wrapped.
  const room =
    out.columns === undefined ? Number.POSITIVE_INFINITY : Math.max(24, out.columns - OTHER_COLUMNS);
  const rows = layers.flatMap((layer): Cell[][] => {
    const [first = "", ...rest] = stepsOf(layer, room);
    return [
      [
        ...[shortDigest(layer.digest), printable(layer.name), agoText(layer.record?.created, now)],
        ...[formatSize(layer.allocated), others(layer), first],
      ],
      ...rest.map((step) => ["", "", "", "", "", step]),
    ];
  });
  const columns = [
    { header: "LAYER" },
    { header: "NAME", overflow: "cut-middle", least: 10 },
    { header: "CREATED", align: "right" },
    { header: "SIZE", align: "right" },
    { header: "SHARED", align: "right" },
    { header: "STEPS", overflow: "wrap", least: 20 },
  ] as const;
  const table = renderTable(columns, rows, { width: out.columns, header: colours(out).faint });
  const total = formatSize(layers.reduce((sum, { allocated }) => sum + allocated, 0));
  const lowest = layers.at(-1)?.parent;
  const missing = lowest === undefined ? "" : ` The layer ${shortDigest(lowest)} below them is missing.`;
  out.write(
    `${table.join("\n")}\n\n${layers.length} ${layers.length === 1 ? "layer" : "layers"}, ${total} on disk.${missing}\n`,
  );
  return 0;
}

/** The recipe, a line a step; of what was not built by one, where it came from. */
function stepsOf({ record }: RegistryImage, room: number): readonly string[] {
  if (record === undefined) return ["image.json is missing or damaged"];
  const steps = record.steps ?? [];
  return (steps.length === 0 ? [cutMiddle(record.source, room)] : steps).map(printable);
}

/** Images and VMs that share the layer. */
function others({ sharedBy }: RegistryImage): string {
  const number = sharedBy.images + sharedBy.vms;
  return number === 0 ? "" : String(number);
}

function layerJson(layer: RegistryImage): object {
  return {
    digest: layer.digest,
    name: layer.name,
    kind: layer.record?.kind ?? null,
    created: layer.record?.created ?? null,
    size: layer.size,
    sizeOnDisk: layer.allocated,
    sharedBy: layer.sharedBy,
    steps: layer.record?.steps ?? [],
    source: layer.record?.source ?? null,
    keys: layer.record?.keys ?? [],
  };
}
