import { type Command, Option } from "commander";
import { fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import { UsageMeter } from "../../engine/operate/resources/usage-meter.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import { formatDuration } from "../../engine/units.ts";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { listenForInterrupts } from "../interrupt.ts";
import { addSelectionOptions, chosenOrAllVms, type SelectionArguments } from "../machine-selection.ts";
import { duration } from "../plan-arguments.ts";
import { renderTopTable } from "../render/top-table.ts";
import type { Screen } from "../terminal.ts";
import { type SampledVm, SORTS, type Sort, sampleOf } from "../top-sample.ts";
import { openMachines } from "../workspace.ts";

interface TopOptions extends SelectionArguments {
  readonly once?: boolean;
  readonly interval: number;
  readonly sort: Sort;
  readonly json?: boolean;
}

const INTERVAL_MS = 2_000;
const SHORTEST_MS = 1_000;

export function define(context: CommandContext): Command {
  const command = defineCommand(context, "top", {
    summary: "Watch what VMs use",
    description:
      "CPU % is of one CPU of the host: a VM that keeps two of them busy has 200. MEMORY is what the guest has, IN RAM what " +
      "it takes of the host. READ/s and WRITE/s are bytes from and to its disks and volumes, IN p/s and OUT p/s packets over " +
      "all its networks; - is what the host cannot tell. On a terminal q or Ctrl-C leaves; in a pipe, or with --once, it " +
      "measures once and ends.",
    examples: [
      { command: "vmlab top", text: "all VMs of the lab, busiest first" },
      { command: "vmlab top --env k8s --sort memory", text: "some of them, by memory" },
      { command: "vmlab top --once --interval 10s", text: "one table, over ten seconds" },
      { command: "vmlab top --json | jq -c '.vms[] | [.name, .cpu_percent]'", text: "for programs" },
    ],
  });
  return addSelectionOptions(command)
    .option("--once", "measure once, print the table and end")
    .option("--interval <duration>", "time between two measurements, from 1s", duration, INTERVAL_MS)
    .addOption(new Option("--sort <column>", "what to sort by").choices([...SORTS]).default("cpu"))
    .option("--json", "print a JSON object a measurement, one a line")
    .action(async (names: string[], options: TopOptions) => {
      context.exitCode = await top(context, names, options);
    });
}

async function top(context: CommandContext, names: readonly string[], options: TopOptions): Promise<number> {
  const { terminal, effects } = context;
  const { interval, json = false } = options;
  if (interval < SHORTEST_MS) {
    fail({ code: "cli/usage", summary: "--interval is too short", hint: "It takes 1s and longer." });
  }
  const { store, state, providers } = await openMachines(context);
  const chosen = chosenOrAllVms(state, names, options);
  if (chosen.length === 0 && !json) {
    terminal.out.write(`No VMs yet. "vmlab apply" makes those that lab.toml declares.\n`);
    return 0;
  }
  const meter = new UsageMeter(providers.vm, effects.clock);
  const measure = async (vms: readonly ResourceState[], ms: number): Promise<readonly SampledVm[]> => {
    const ids = vms.flatMap(({ instance }) => instance ?? []);
    const measured = await meter.measure(ids, ms, leave.signal);
    return sampleOf(vms, measured, await providers.vm.read(ids), options.sort);
  };
  const leave = new AbortController();
  const interrupts = listenForInterrupts(terminal, () => {});
  interrupts.graceful.addEventListener("abort", () => leave.abort(interrupts.graceful.reason));
  const screen = json || options.once === true ? undefined : terminal.screen();
  const keys =
    screen !== undefined && terminal.interactive
      ? terminal.rawInput((data) => {
          if (LEAVING.test(data.toString("latin1"))) leave.abort(new Error("left"));
        })
      : undefined;
  const goesOn = screen !== undefined || (json && options.once !== true);
  try {
    // At once, with what needs no time to be known.
    let vms = chosen;
    if (screen !== undefined) draw(context, screen, await measure(vms, 0), interval);
    do {
      const sample = await measure(vms, interval);
      if (screen !== undefined) draw(context, screen, sample, interval);
      else if (json) terminal.out.write(`${JSON.stringify(asJson(sample, effects.clock.now(), interval))}\n`);
      else {
        const { out } = terminal;
        const layout = { palette: colours(out), width: out.columns };
        out.write(`${renderTopTable(sample, layout).join("\n")}\n`);
      }
      // VMs come and go meanwhile.
      if (goesOn) vms = chosenNow(await store.read(), names, options);
    } while (goesOn);
    return 0;
  } catch (error) {
    if (!leave.signal.aborted) throw error;
    return goesOn ? 0 : 130;
  } finally {
    keys?.restore();
    screen?.close();
    interrupts.release();
  }
}

/** q, Q, and Ctrl-C, which is a key like others in raw mode. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Ctrl-C is one
const LEAVING = /[qQ\u0003]/;

/** What was chosen may be gone by now; then there is nothing to show of it. */
function chosenNow(...choice: Parameters<typeof chosenOrAllVms>): readonly ResourceState[] {
  try {
    return chosenOrAllVms(...choice);
  } catch (error) {
    if (isDiagnosticsError(error)) return [];
    throw error;
  }
}

function draw(context: CommandContext, screen: Screen, vms: readonly SampledVm[], intervalMs: number): void {
  const palette = colours(context.terminal.out);
  const running = vms.filter(({ state }) => state === "running").length;
  const title = `${running} of ${vms.length} run, every ${formatDuration(intervalMs)}; ${context.terminal.interactive ? "q" : "Ctrl-C"} leaves`;
  screen.show(({ columns, rows }) => {
    const [header = "", ...lines] = renderTopTable(vms, { palette, width: columns });
    const room = rows - 3;
    const more = lines.length - room;
    const shown = more > 0 ? [...lines.slice(0, room - 1), palette.faint(`and ${more + 1} more`)] : lines;
    return [palette.faint(title), "", header, ...shown];
  });
}

function asJson(vms: readonly SampledVm[], now: number, intervalMs: number): object {
  return {
    time: new Date(now).toISOString(),
    interval_ms: intervalMs,
    vms: vms.map((vm) => ({
      name: vm.name,
      state: vm.state,
      cpu_percent: vm.cpus === undefined ? null : rounded(vm.cpus * 100),
      memory: vm.memory ?? null,
      resident: vm.resident ?? null,
      read_bytes_per_second: rounded(vm.read),
      written_bytes_per_second: rounded(vm.written),
      received_packets_per_second: rounded(vm.received),
      sent_packets_per_second: rounded(vm.sent),
      uptime_ms: vm.uptimeMs ?? null,
    })),
  };
}

function rounded(rate: number | undefined): number | null {
  return rate === undefined ? null : Math.round(rate * 10) / 10;
}
