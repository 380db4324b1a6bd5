import type { Command } from "commander";
import { type CommandContext, colours } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import type { Finding } from "../doctor/finding.ts";
import { examineHost } from "../doctor/host.ts";
import { examineImages } from "../doctor/images.ts";
import { examineLab } from "../doctor/lab.ts";
import { pad, wrapText } from "../render/text-width.ts";

export function define(context: CommandContext): Command {
  return defineCommand(context, "doctor", {
    summary: "Find out what is wrong with this host or lab",
    description:
      "Checks QEMU, whether KVM really works (a tiny guest is run), the programs vmlab uses, disk space and limits, the " +
      "image store, and in a lab's folder lab.toml, the lock, the state, interrupted work and the VMs. Each finding says what to do. Exits " +
      "with 1 when something is an error.",
    examples: [
      { command: "vmlab doctor", text: "everything" },
      { command: "vmlab doctor --json | jq '.[] | select(.severity != \"ok\")'", text: "for programs" },
    ],
    exitCodes: [
      ["0", "nothing is wrong, or warnings only"],
      ["1", "something is an error"],
    ],
    related: ["ops", "images verify", "state history"],
  })
    .option("--json", "print the findings as JSON")
    .action(async (options: { json?: boolean }) => {
      context.exitCode = await doctor(context, options);
    });
}

async function doctor(context: CommandContext, options: { json?: boolean }): Promise<number> {
  const { out } = context.terminal;
  const host = [...(await examineHost(context)), ...(await examineImages(context))];
  const lab = await examineLab(context);
  const all = [...host, ...lab];
  const errors = all.filter(({ severity }) => severity === "error").length;
  if (options.json === true) out.write(`${JSON.stringify(all, null, 2)}\n`);
  else {
    const lines = ["Host", ...host.flatMap((finding) => findingLines(finding, context))];
    if (lab.length > 0) lines.push("", "Lab", ...lab.flatMap((finding) => findingLines(finding, context)));
    const warnings = all.filter(({ severity }) => severity === "warning").length;
    lines.push("", verdict(errors, warnings));
    out.write(`${lines.join("\n")}\n`);
  }
  return errors > 0 ? 1 : 0;
}

function findingLines(finding: Finding, context: CommandContext): string[] {
  const { out } = context.terminal;
  const paint = colours(out);
  const mark = { ok: paint.good("ok"), warning: paint.warning("warning"), error: paint.error("error") }[
    finding.severity
  ];
  const width = out.columns === undefined ? undefined : out.columns - 11;
  const [first = "", ...rest] = wrapText(finding.summary, width);
  const more = [
    ...rest,
    ...wrapText(finding.detail ?? "", width).filter((line) => line !== ""),
    ...(finding.remedy === undefined ? [] : wrapText(`→ ${finding.remedy}`, width)),
  ];
  return [
    `  ${mark}${pad("", 9 - finding.severity.length)}${first}`,
    ...more.map((line) => `           ${line}`),
  ];
}

function verdict(errors: number, warnings: number): string {
  if (errors + warnings === 0) return "Everything is in order.";
  const count = (n: number, one: string): string[] => (n === 0 ? [] : [`${n} ${one}${n === 1 ? "" : "s"}`]);
  return `${[...count(errors, "error"), ...count(warnings, "warning")].join(", ")}.`;
}
