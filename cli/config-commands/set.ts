/** `vmlab config set KEY VALUE`, and `unset KEY`. */
import { changeSetting, findSetting, readSettings } from "../../engine/host/host-settings.ts";
import type { CommandContext } from "../context.ts";
import { shownValue } from "./setting-text.ts";

/** Without a value the setting goes back to its default. */
export async function setCommand(
  context: CommandContext,
  key: string,
  value: string | undefined,
): Promise<number> {
  const { effects, home, terminal } = context;
  const before = findSetting(await readSettings(effects, home), key);
  if (value === undefined && before.line === undefined) {
    terminal.out.write(`${key} is not set: its default is ${shownValue(before, before.default)}.\n`);
    return 0;
  }
  await changeSetting(effects, home, before, value);
  const now = findSetting(await readSettings(effects, home), key);
  const was = `it was ${shownValue(before, before.value)}${before.line === undefined ? ", the default" : ""}`;
  const from = value === undefined ? ", the default" : "";
  terminal.out.write(`${key} is ${shownValue(now, now.value)}${from} (${was}).\n`);
  return 0;
}
