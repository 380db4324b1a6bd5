/** What "vmlab help TOPIC" tells beyond single commands. */
import { definitionLines } from "./help-page.ts";
import { wrapText } from "./render/text-width.ts";

export interface Topic {
  readonly name: string;
  readonly summary: string;
}

export const TOPICS: readonly Topic[] = [
  { name: "environment", summary: "Variables that vmlab reads" },
  { name: "exit-codes", summary: "What a command ends with" },
];

interface Page {
  readonly intro: string;
  readonly rows: readonly (readonly [string, string])[];
  readonly end?: string;
}

const PAGES: Readonly<Record<string, Page>> = {
  environment: {
    intro: "Variables of the environment that vmlab reads.",
    rows: [
      [
        "VMLAB_HOME",
        "Folder of everything that belongs to this host: image store, VMs, trash, backups, config.toml. Default: vmlab in XDG_DATA_HOME, or ~/.local/share/vmlab.",
      ],
      [
        "VMLAB_VAR_name",
        "Value of the variable that [vars] of lab.toml declares as name. --var and --var-file go before it.",
      ],
      [
        "VMLAB_ACCEL",
        "How VMs run, whatever lab.toml says: auto (what works here), kvm, hvf, or tcg (emulation).",
      ],
      ["VMLAB_DEBUG", "Set to 1: where in vmlab a bug showed itself."],
      ["NO_COLOR", "Not empty: no colours. FORCE_COLOR: colours in a pipe too."],
      [
        "COLUMNS",
        "Width of the output in characters. Default: of the terminal; in a pipe there is no limit.",
      ],
      ["TERM", '"dumb": no colours, and no line is drawn twice.'],
      ["HTTP_PROXY", "With HTTPS_PROXY and NO_PROXY, for downloads."],
    ],
    end: "What the programs that vmlab runs are given is the same environment, without the values of VMLAB_VAR_name.",
  },
  "exit-codes": {
    intro: "What a command ends with.",
    rows: [
      ["0", "It did what was asked, or there was nothing to do."],
      [
        "1",
        "Something went wrong, was refused or interrupted, or a question was not answered with yes. Of several VMs: at least one failed.",
      ],
      ["2", 'Only "vmlab plan --detailed-exitcode": no error, and there are changes.'],
      ["130", "The third Ctrl-C: it ended at once, without waiting for anything."],
    ],
    end: '"vmlab exec" in one VM and "vmlab ssh" end with the code of the command in the guest; ssh gives 255 where it cannot connect. What went wrong stands on standard error as "Error: … [code]"; docs/troubleshooting.md explains every code. A command with --json reports it as data too.',
  },
};

/** A topic's page; undefined when there is none of that name. */
export function topicText(name: string, width: number): string | undefined {
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  if (page === undefined) return undefined;
  const parts = [wrapText(page.intro, width), definitionLines(page.rows, width)];
  if (page.end !== undefined) parts.push(wrapText(page.end, width));
  return `${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
