/** Completion in the shells themselves, in a terminal: Tab is pressed, and the screen is read. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { Tmux } from "../support/tmux.ts";

const run = promisify(execFile);
const VMLAB = join(import.meta.dirname, "../../dist/vmlab.js");
const LAB = `lab = { name = "demo", provider = "fake", image = "noble" }
[images]
noble = { url = "https://example.com/noble.img", checksum = "sha256:${"a".repeat(64)}" }
[vms.web]
[vms.warehouse]
[environments.k8s.vms.control]
`;

/** How each begins without anybody's settings, and what sets completion up. */
const SHELLS = {
  bash: { start: ["bash", "--norc", "--noprofile"], setUp: "PS1='> '; source ~/script; clear" },
  zsh: {
    start: ["zsh", "-f"],
    setUp: "PS1='> '; autoload -Uz compinit; compinit -u; source ~/script; clear",
  },
  fish: {
    start: ["fish", "--no-config"],
    setUp:
      "function fish_prompt; echo '> '; end; set -g fish_autosuggestion_enabled 0; source ~/script; clear",
  },
} as const;

let lab: CliLab;
let open: Tmux | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
  await lab.dispose();
});

/** Types a line and presses Tab (twice lists, in bash). Ctrl-U has taken the line before away. */
async function tab(terminal: Tmux, text: string, what: RegExp, times = 1): Promise<string> {
  await terminal.press("C-u");
  await terminal.type(text);
  await terminal.seen(new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").trimEnd()));
  for (let count = 0; count < times; count++) await terminal.press("Tab");
  return await terminal.seen(what);
}

async function installed(program: string): Promise<boolean> {
  return await run(program, ["--version"]).then(
    () => true,
    () => false,
  );
}

test.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])(
  "%s completes commands, options, names and files",
  async (shell) => {
    lab = await CliLab.create(LAB);
    if (!(await installed(shell)) || !(await Tmux.installed())) {
      process.stderr.write(`skipped: ${shell} or tmux is not installed (make setup-tests)\n`);
      return;
    }
    await lab.ok("apply", "--yes");
    await lab.ok("snapshot", "create", "web", "--name", "pristine", "--description", "as it came");
    await mkdir(join(lab.root, "bin"));
    await writeFile(join(lab.root, "bin/vmlab"), `#!/bin/sh\nexec ${process.execPath} ${VMLAB} "$@"\n`, {
      mode: 0o755,
    });
    await writeFile(join(lab.root, "script"), await lab.ok("completion", shell));
    await lab.write("", "saved plan.bin");
    const { start, setUp } = SHELLS[shell];
    const terminal = await Tmux.open(start, {
      root: lab.root,
      folder: lab.folder,
      columns: 120,
      rows: 40,
      env: { VMLAB_HOME: lab.home, PATH: `${lab.root}/bin:${process.env.PATH ?? ""}` },
    });
    open = terminal;
    await terminal.press(setUp, "Enter");
    await terminal.seen(/^> *$/m);

    await tab(terminal, "vmlab snap", /vmlab snapshot /);
    await tab(terminal, "vmlab start we", /vmlab start web /);
    await tab(terminal, "vmlab snapshot restore web --name pr", /--name pristine /);
    await tab(terminal, "vmlab snapshot restore web --name=pr", /--name=pristine /);
    await tab(terminal, "vmlab plan --target vm.k8s-", /vm\.k8s-control /);
    await tab(terminal, "vmlab cp web:/etc/motd war", /warehouse:/);
    await tab(terminal, "vmlab apply sav", /saved(\\ plan\.bin| plan\.bin)/);
    const listed = await tab(
      terminal,
      "vmlab stop w",
      /\bwarehouse\b.*\bweb\b|\bweb\b.*\bwarehouse\b/s,
      shell === "bash" ? 2 : 1,
    );
    expect(listed).not.toContain("k8s-control");
    // zsh and fish tell what each is: here, what it was made from.
    if (shell !== "bash") expect(listed).toContain("noble");
  },
);
