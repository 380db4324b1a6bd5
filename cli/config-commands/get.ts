/** `vmlab config get KEY`. */
import { findSetting, readSettings } from "../../engine/host/host-settings.ts";
import type { CommandContext } from "../context.ts";
import { rawValue, settingJson } from "./setting-text.ts";

export async function getCommand(
  context: CommandContext,
  key: string,
  options: { json?: boolean },
): Promise<number> {
  const { effects, home, terminal } = context;
  const setting = findSetting(await readSettings(effects, home), key);
  const text =
    options.json === true ? JSON.stringify(settingJson(setting), null, 2) : rawValue(setting.value);
  terminal.out.write(`${text}\n`);
  return 0;
}
