/** Completion in the shells themselves, in a terminal: Tab is pressed, and the screen is read. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";

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
let server: string | undefined;
afterEach(async () => {
  if (server !== undefined) await tmux("kill-server").catch(() => undefined);
  server = undefined;
  await lab.dispose();
});

async function tmux(...args: string[]): Promise<string> {
  const { stdout } = await run("tmux", ["-f", "/dev/null", "-S", server ?? "", ...args]);
  return stdout;
}

/** Waits until the screen shows what is expected. */
async function seen(what: RegExp): Promise<string> {
  const until = Date.now() + 60_000;
  for (;;) {
    const screen = await tmux("capture-pane", "-p", "-J");
    if (what.test(screen)) return screen;
    if (Date.now() > until) throw new Error(`${what} does not come:\n${screen}`);
    await pause(50);
  }
}

/** Types a line and presses Tab (twice lists, in bash). Ctrl-U has taken the line before away. */
async function tab(text: string, what: RegExp, times = 1): Promise<string> {
  await tmux("send-keys", "C-u");
  await tmux("send-keys", "-l", text);
  await seen(new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").trimEnd()));
  for (let count = 0; count < times; count++) await tmux("send-keys", "Tab");
  return await seen(what);
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
    if (
      !(await installed(shell)) ||
      !(await run("tmux", ["-V"]).then(
        () => true,
        () => false,
      ))
    ) {
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
    server = join(lab.root, "tmux");
    const { start, setUp } = SHELLS[shell];
    const env = [
      `HOME=${lab.root}`,
      `VMLAB_HOME=${lab.home}`,
      `PATH=${lab.root}/bin:${process.env.PATH ?? ""}`,
      "LC_ALL=C.UTF-8",
    ];
    await tmux(
      ...["new-session", "-d", "-x", "120", "-y", "40", "-c", lab.folder],
      ...["env", ...env, ...start],
    );
    await tmux("send-keys", setUp, "Enter");
    await seen(/^> *$/m);

    await tab("vmlab snap", /vmlab snapshot /);
    await tab("vmlab start we", /vmlab start web /);
    await tab("vmlab snapshot restore web --name pr", /--name pristine /);
    await tab("vmlab snapshot restore web --name=pr", /--name=pristine /);
    await tab("vmlab plan --target vm.k8s-", /vm\.k8s-control /);
    await tab("vmlab cp web:/etc/motd war", /warehouse:/);
    await tab("vmlab apply sav", /saved(\\ plan\.bin| plan\.bin)/);
    const listed = await tab(
      "vmlab stop w",
      /\bwarehouse\b.*\bweb\b|\bweb\b.*\bwarehouse\b/s,
      shell === "bash" ? 2 : 1,
    );
    expect(listed).not.toContain("k8s-control");
    // zsh and fish tell what each is: here, what it was made from.
    if (shell !== "bash") expect(listed).toContain("noble");
  },
);
