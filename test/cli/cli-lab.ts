/** The whole command line in this process, on a temporary lab with pretend machines. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../../cli/main.ts";
import type { Effects } from "../../engine/effects.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { TestTerminal, type TestTerminalOptions } from "./test-terminal.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly questions: readonly string[];
}

export class CliLab {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(toml?: string): Promise<CliLab> {
    const lab = new CliLab(await mkdtemp(join(tmpdir(), "vmlab-cli-")));
    await mkdir(lab.folder);
    if (toml !== undefined) await lab.write("lab.toml", toml);
    return lab;
  }

  get folder(): string {
    return join(this.root, "lab");
  }

  get home(): string {
    return join(this.root, "home");
  }

  effects(): Effects {
    const effects = nodeEffects();
    const env = { ...effects.host.env, VMLAB_HOME: this.home };
    return { ...effects, host: { ...effects.host, env } };
  }

  /** `vmlab ARGS` in the lab's folder. Without `answers` there is no terminal to ask on. */
  async vmlab(args: readonly string[], options: Partial<TestTerminalOptions> = {}): Promise<CliResult> {
    const terminal = new TestTerminal({ cwd: this.folder, ...options });
    const code = await main(args, { effects: this.effects(), terminal });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr, questions: terminal.questions };
  }

  /** As {@link vmlab}, failing the test when the command does. */
  async succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.vmlab(args);
    if (code !== 0) throw new Error(`vmlab ${args.join(" ")} ended with ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async read(path: string): Promise<string> {
    return await readFile(join(this.folder, path), "utf8");
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

export const LAB = `[lab]
name = "demo"
provider = "fake"
image = "noble"

[images.noble]
url = "https://example.com/noble.img"
checksum = "sha256:${"a".repeat(64)}"

[roles.docker]
run = ["echo docker"]

# the web server
[vms.web]
memory = "512MiB" # little

[vms.mon]
role = "docker"
depends_on = ["vm.web"]

[environments.k8s.vms.worker]
count = 2
`;
