import { Argument, type Command } from "commander";
import { assetPath } from "../../engine/asset-path.ts";
import type { Offer } from "../completion/live-values.ts";
import type { CommandContext } from "../context.ts";
import { defineCommand } from "../define-command.ts";
import { printable } from "../render/text-width.ts";

/** The shells, each with what makes it complete vmlab in every session from the next on. */
const SHELLS = {
  bash: {
    install: [
      "mkdir -p ~/.local/share/bash-completion/completions",
      "vmlab completion bash > ~/.local/share/bash-completion/completions/vmlab",
    ],
    note: "Without the package bash-completion, write this into ~/.bashrc instead: source <(vmlab completion bash)",
  },
  zsh: {
    install: ["mkdir -p ~/.zfunc", "vmlab completion zsh > ~/.zfunc/_vmlab"],
    note: "In ~/.zshrc, before other completions are set up: fpath+=(~/.zfunc); autoload -Uz compinit; compinit",
  },
  fish: {
    install: [
      "mkdir -p ~/.config/fish/completions",
      "vmlab completion fish > ~/.config/fish/completions/vmlab.fish",
    ],
    note: undefined,
  },
} as const;

type Shell = keyof typeof SHELLS;

export function define(context: CommandContext): Command {
  return defineCommand(context, "completion", {
    summary: "Complete commands, options and names in the shell",
    description:
      "Prints the script that makes a shell complete vmlab: commands, options, and the names of what there is now (VMs, " +
      "images, snapshots, addresses). Without SHELL it tells how to install it.\n\n" +
      "The script asks vmlab itself: what stands behind -- is taken as a command line up to the cursor, and answered with " +
      "the words that fit there, one a line with a description behind a tab. The last line begins with a colon and says what " +
      "else fits: files, folders, and whether the word goes on (open). That reads files only, and never fails.",
    examples: [
      { command: "vmlab completion", text: "how to install it" },
      { command: "source <(vmlab completion bash)", text: "for this session of bash" },
      { command: "vmlab completion -- start we", text: "what fits there" },
    ],
    related: ["schema"],
  })
    .addArgument(new Argument("[shell]", "bash, zsh or fish").choices(Object.keys(SHELLS)))
    .action(async (shell: Shell | undefined) => {
      const { effects, guestCommand, terminal } = context;
      if (guestCommand !== undefined) terminal.out.write(await answer(context, guestCommand));
      else if (shell === undefined) terminal.out.write(instructions());
      else terminal.out.write(await effects.files.readText(assetPath(`cli/completion/vmlab.${shell}`)));
    });
}

async function answer(context: CommandContext, words: readonly string[]): Promise<string> {
  const { complete } = await import("../completion/complete.ts");
  const { candidates, paths, open } = await quietly(complete({ ...context }, words));
  const lines = candidates
    .map(({ value, text }) => (text === undefined ? value : `${value}\t${text.replaceAll(/\s+/g, " ")}`))
    .filter((line) => printable(line) === line);
  const also = [...(paths === undefined ? [] : [paths]), ...(open === true ? ["open"] : [])];
  return `${[...lines, `:${also.join(" ")}`].join("\n")}\n`;
}

/** Nobody asked for an error in the middle of typing. */
async function quietly(offer: Promise<Offer>): Promise<Offer> {
  try {
    return await offer;
  } catch {
    return { candidates: [] };
  }
}

function instructions(): string {
  const parts = Object.entries(SHELLS).map(([shell, { install, note }]) =>
    [`${shell}:`, ...install.map((line) => `  ${line}`), ...(note === undefined ? [] : [`  ${note}`])].join(
      "\n",
    ),
  );
  return `The next session completes vmlab after these commands.\n\n${parts.join("\n\n")}\n`;
}
