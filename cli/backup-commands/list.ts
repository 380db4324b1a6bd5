/** `vmlab backup list`: the backups under VMLAB_HOME. */
import { listBackups } from "../../engine/host/backup/list-backups.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import { type CommandContext, colours } from "../context.ts";
import { type Cell, renderTable } from "../render/table.ts";
import { printable } from "../render/text-width.ts";
import { contentText } from "./content-text.ts";

export async function listCommand(context: CommandContext, options: { json?: boolean }): Promise<number> {
  const { effects, home } = context;
  const { out } = context.terminal;
  const backups = await listBackups(effects, home);
  if (options.json === true) {
    const shown = backups.map(({ name, folder, size, manifest }) =>
      typeof manifest === "string"
        ? { name, folder, problem: manifest }
        : {
            ...{ name, folder, size, created: manifest.created, disks: manifest.disks },
            labs: manifest.labs,
            images: manifest.files.filter(({ path }) => path.endsWith("/image.json")).length,
          },
    );
    out.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  if (backups.length === 0) {
    out.write('There are no backups. "vmlab backup create" makes one.\n');
    return 0;
  }
  const now = effects.clock.now();
  const paint = colours(out);
  const rows = backups.map(({ name, size, manifest }): Cell[] => {
    if (typeof manifest === "string") return [name, "", "", { text: manifest, paint: paint.error }];
    const age = formatDuration(Math.max(1000, now - Date.parse(manifest.created)));
    const labs = manifest.labs.map((lab) => lab.name).join(", ");
    const what = `${contentText(manifest)}${labs === "" ? "" : `: ${printable(labs)}`}`;
    return [name, `${age} ago`, formatSize(size), what];
  });
  const columns = [
    { header: "NAME", overflow: "cut-middle", least: 16 },
    { header: "MADE", align: "right" },
    { header: "SIZE", align: "right" },
    { header: "WHAT", overflow: "wrap", least: 20 },
  ] as const;
  out.write(`${renderTable(columns, rows, { width: out.columns, header: paint.faint }).join("\n")}\n`);
  return 0;
}
