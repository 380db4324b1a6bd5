/** The image store of this host, for the commands of `vmlab images`. */
import type { ImageRegistry } from "../../providers/images/registry/index.ts";
import type { CommandContext } from "../context.ts";

export async function openRegistry(context: CommandContext): Promise<ImageRegistry> {
  const { imageRegistry } = await import("../../providers/images/registry/index.ts");
  const { effects, home } = context;
  return imageRegistry({ effects, home });
}
