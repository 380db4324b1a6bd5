/** What came of an apply, and how to go on. */
import type { ApplyOutcome } from "../../engine/apply/options.ts";
import { formatDuration } from "../../engine/units.ts";
import type { Palette } from "../palette.ts";
import { outputLines } from "./outputs.ts";

export interface SummaryLayout {
  readonly palette: Palette;
  /** `apply`, `destroy`, `start`, …: the command as the user typed it. */
  readonly verb: string;
  readonly durationMs: number;
  /** Addresses that the plan created or replaced. */
  readonly made: readonly string[];
}

export function renderSummary(outcome: ApplyOutcome, layout: SummaryLayout): string {
  const { palette, verb } = layout;
  const { failures, skipped, interrupted } = outcome;
  const failing = outcome.checks.filter(({ severity }) => severity === "error");
  const title = verb.charAt(0).toUpperCase() + verb.slice(1);
  const clean = failures.length === 0 && !interrupted;
  const head = clean
    ? failing.length > 0
      ? palette.error(
          `${title} complete, but ${failing.length === 1 ? "a check fails" : `${failing.length} checks fail`}`,
        )
      : palette.good(`${title} complete`)
    : interrupted
      ? palette.warning(`${title} interrupted`)
      : palette.error(`${title} incomplete`);
  const failed = new Set(failures.map(({ address }) => address));
  const lines = ["", `${head}: ${countsText(outcome)} in ${formatDuration(layout.durationMs)}.`];
  for (const failure of failures) {
    const first = failure.diagnostics[0];
    lines.push(`  ${failure.address} failed: ${first?.summary ?? "see above"}`);
    lines.push(...evidence(first?.detail));
  }
  for (const [because, addresses] of skippedByCause(skipped.filter(({ address }) => !failed.has(address)))) {
    lines.push(`  skipped (${because}): ${shortList(addresses)}`);
  }
  lines.push(...failing.map(({ summary }) => `  ${summary}`));
  if (!clean) {
    const again = verb === "destroy" ? "destroy" : "apply";
    lines.push(
      "",
      `Run "vmlab ${again}"${again === verb ? " again" : ""}: it goes on where this one stopped.`,
    );
    return `${lines.join("\n")}\n`;
  }
  if (verb === "apply") {
    const outputs = outputLines(outcome.outputs);
    if (outputs.length > 0) lines.push("", "Outputs:", ...outputs.map((line) => `  ${line}`));
  }
  const next = nextSteps(outcome, layout.made);
  if (next !== undefined) lines.push("", next);
  return `${lines.join("\n")}\n`;
}

/** Enough to recognise the trouble by; all of it stands above, among what went on. */
const LAST_LINES = 3;

function evidence(detail: string | undefined): string[] {
  const told = (detail ?? "").split("\n").filter((line) => line.trim() !== "");
  return told.slice(-LAST_LINES).map((line) => `      ${line.trim()}`);
}

function countsText(outcome: ApplyOutcome): string {
  const { counts } = outcome;
  const parts = (["created", "updated", "replaced", "deleted", "failed", "skipped"] as const).flatMap(
    (name) => (counts[name] === 0 ? [] : [`${counts[name]} ${name}`]),
  );
  return parts.length === 0 ? "nothing to do" : parts.join(", ");
}

function skippedByCause(skipped: ApplyOutcome["skipped"]): Map<string, string[]> {
  const causes = new Map<string, string[]>();
  for (const { address, because } of skipped) {
    const addresses = causes.get(because) ?? [];
    if (!addresses.includes(address)) addresses.push(address);
    causes.set(because, addresses);
  }
  return causes;
}

function shortList(addresses: readonly string[]): string {
  if (addresses.length <= 6) return addresses.join(", ");
  return `${addresses.slice(0, 5).join(", ")} and ${addresses.length - 5} more`;
}

/** How to reach a machine that was just made. */
function nextSteps(outcome: ApplyOutcome, made: readonly string[]): string | undefined {
  const name = made.find((address) => {
    const resource = outcome.state?.resources[address];
    return resource?.type === "vm" && (resource.phase === "complete" || resource.phase === "ready");
  });
  return name === undefined
    ? undefined
    : `Log in with "vmlab ssh ${name.slice("vm.".length)}". "vmlab list" shows all VMs.`;
}
