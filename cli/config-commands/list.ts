/** `vmlab config`: every setting, what it is and where that comes from. */
import { readSettings } from "../../engine/host/host-settings.ts";
import { type CommandContext, colours } from "../context.ts";
import { type Cell, renderRows } from "../render/table.ts";
import { wrapText } from "../render/text-width.ts";
import { settingJson, shownValue } from "./setting-text.ts";

const INDENT = 4;

export async function listCommand(context: CommandContext, options: { json?: boolean }): Promise<number> {
  const { effects, home } = context;
  const { out } = context.terminal;
  const settings = await readSettings(effects, home);
  if (options.json === true) {
    out.write(`${JSON.stringify(settings.map(settingJson), null, 2)}\n`);
    return 0;
  }
  const paint = colours(out);
  const rows = settings.map((setting): Cell[] => {
    const isSet = setting.line !== undefined;
    const value = shownValue(setting, setting.value);
    return [
      setting.key,
      isSet ? { text: value, paint: paint.strong } : value,
      shownValue(setting, setting.default),
      isSet ? `line ${setting.line}` : "default",
    ];
  });
  const columns = [
    { header: "SETTING" },
    { header: "VALUE", overflow: "cut-end" },
    { header: "DEFAULT", overflow: "cut-end" },
    { header: "FROM" },
  ] as const;
  const { header, lines } = renderRows(columns, rows, { width: out.columns, header: paint.faint });
  const width = out.columns === undefined ? undefined : out.columns - INDENT;
  const described = lines.flatMap((row, index) => [
    ...row,
    ...wrapText(settings[index]?.description ?? "", width).map(
      (line) => `${" ".repeat(INDENT)}${paint.faint(line)}`,
    ),
  ]);
  const exists = (await effects.files.stat(home.configFile)) !== undefined;
  const file = exists ? `The file is ${home.configFile}.` : `${home.configFile} does not exist yet.`;
  out.write(`${[...header, ...described, "", ...wrapText(file, out.columns)].join("\n")}\n`);
  return 0;
}
