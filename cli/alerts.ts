/** Tells of operations that failed, died, stall or take too long, and of what watch found, before the next command does its work. */
import { currentFolder } from "../engine/host/operations/places.ts";
import { formatDuration } from "../engine/units.ts";
import { type CommandContext, colours } from "./context.ts";

const MOST_SHOWN = 5;

/** One line on standard error for each alert that nobody has seen. Programs that read JSON are left alone. */
export async function showAlerts(
  context: CommandContext,
  command: string,
  args: readonly string[],
): Promise<void> {
  // A watch raises alerts; what it takes here would never reach anybody.
  if (command === "completion" || command === "watch" || args.some((arg) => QUIET.has(arg))) return;
  const { effects, home, terminal } = context;
  try {
    // On nearly every run this one look is all.
    if ((await effects.files.list(currentFolder(home))).length === 0) return;
    const { takeUnseenAlerts } = await import("../engine/host/operations/current.ts");
    const [alerts, { alertLine }] = await Promise.all([
      takeUnseenAlerts(effects, home),
      import("./render/alert-line.ts"),
    ]);
    const layout = {
      palette: colours(terminal.error),
      width: terminal.error.isTTY ? terminal.error.columns : undefined,
    };
    const { record } = terminal.error;
    if (record !== undefined) {
      for (const { time, ...alert } of alerts)
        record({ level: "warning", type: "alert", since: new Date(time).toISOString(), ...alert });
      return;
    }
    for (const alert of alerts.slice(-MOST_SHOWN)) {
      const ago = formatDuration(Math.max(0, effects.clock.now() - alert.time));
      terminal.error.write(`${alertLine(alert, ago, layout)}\n`);
    }
    const more = alerts.length - MOST_SHOWN;
    if (more > 0)
      terminal.error.write(
        `… and ${more} earlier: "vmlab ops --all" and "vmlab watch --once" list everything.\n`,
      );
  } catch {
    // The command that the user asked for matters more.
  }
}

const QUIET: ReadonlySet<string> = new Set(["--json", "-h", "--help", "--operation"]);
