import { join } from "node:path";
import { isJsonObject } from "../engine/json.ts";
import type { CommandContext } from "./context.ts";
import { LAB_FILE } from "./workspace.ts";

/**
 * True in the folder of a lab of pretend machines. For commands about the host: neither a state that cannot be read nor a
 * lab.toml that is wrong elsewhere keeps anybody from them.
 */
export async function isFakeLab(context: CommandContext): Promise<boolean> {
  const path = join(context.folder, LAB_FILE);
  if ((await context.effects.files.stat(path)) === undefined) return false;
  const { parseToml } = await import("../engine/config/toml/parse-toml.ts");
  const { document } = await parseToml(await context.effects.files.readText(path), LAB_FILE);
  return isJsonObject(document?.lab) && document.lab.provider === "fake";
}
