/** `vmlab images rm`: removes images by name, unless somebody needs them. */
import { formatSize } from "../../engine/units.ts";
import { theImage } from "../../providers/images/registry/index.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { printable } from "../render/text-width.ts";
import { shortDigest } from "./image-text.ts";
import { openRegistry } from "./open-registry.ts";

export async function removeCommand(
  context: CommandContext,
  names: readonly string[],
  options: { yes?: boolean },
): Promise<number> {
  const registry = await openRegistry(context);
  const images = await registry.list();
  const digests = [...new Set(names.map((name) => theImage(images, name).digest))];
  const planned = await registry.planRemoval(digests);
  const listed = planned.images
    .map(({ name, digest }) => `${printable(name)} (${shortDigest(digest)})`)
    .join(", ");
  const question = `Remove ${listed}, ${formatSize(planned.freed)}, for good?`;
  if (!(await confirm(context, question, { yes: options.yes === true, what: "images rm" }))) return 1;
  const { freed } = await registry.remove(digests);
  context.terminal.out.write(`Removed ${listed}: ${formatSize(freed)} are free again.\n`);
  return 0;
}
