/** A lab whose long operations are looked at: in this process, or carried out by others in the background. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../cli/main.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import type { FakeFaults } from "../../providers/fake/world.ts";
import { bundleChild } from "../support/bundle-child.ts";
import { CliLab } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

const DEMO = `[lab]
name = "demo"
provider = "fake"
image = "noble"

[alerts]
command = ["sh", "-c", "echo \\"$VMLAB_ALERT_KIND: $VMLAB_ALERT_SUMMARY\\" >> alerts.txt"]

[vars]
password = { type = "string", sensitive = true, default = "nothing" }
tags = { type = "list", default = [] }

[secrets]
token = { pattern = "[a-z]{24}" }

[images.noble]
url = "https://example.com/noble.img"
checksum = "sha256:${"a".repeat(64)}"

[vms.web]
login = { password = "\${vars.password}" }
env = { TOKEN = "\${secrets.token}" }
run = ["echo hello"]

[vms.db]
depends_on = ["vm.web"]
`;

/** What `vmlab ops --json` says of an operation. */
export interface Listed {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly stopping: string | null;
  readonly pid: number;
  readonly command: readonly string[];
  readonly running: readonly { readonly address: string; readonly phase?: string }[];
  readonly failures: readonly { readonly summary: string }[];
  readonly alerts: readonly { readonly kind: string }[];
}

/** A vmlab in one file, for processes in the background. */
export interface Bundle {
  readonly program: readonly string[];
  remove(): Promise<void>;
}

export async function bundleVmlab(): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "vmlab-test-"));
  // The version of sources is that of the package.json above them.
  await writeFile(join(folder, "package.json"), '{ "version": "0.1.0" }');
  await mkdir(join(folder, "bin"));
  const file = await bundleChild("vmlab", join(folder, "bin"));
  return {
    program: [process.execPath, file],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export class OpsLab {
  readonly lab: CliLab;
  readonly #program: readonly string[];

  private constructor(lab: CliLab, program: readonly string[]) {
    this.lab = lab;
    this.#program = program;
  }

  /** `program` is what is started in the background. */
  static async create(program: readonly string[] = []): Promise<OpsLab> {
    return new OpsLab(await CliLab.create(DEMO), program);
  }

  /** `vmlab ARGS` in this process. */
  async vmlab(args: readonly string[], options: { program?: readonly string[]; cwd?: string } = {}) {
    const { program = this.#program, cwd = this.lab.folder } = options;
    const terminal = new TestTerminal({ cwd });
    const code = await main(args, { effects: this.lab.effects(), terminal, program });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  }

  /** Starts an apply in the background; resolves with its id. */
  async detached(): Promise<string> {
    const { code, stdout, stderr } = await this.vmlab(["apply", "--yes", "--detach"]);
    if (code !== 0) throw new Error(stdout + stderr);
    return (await this.only()).id;
  }

  async faults(wanted: FakeFaults): Promise<void> {
    await mkdir(join(this.lab.home, "fake"), { recursive: true });
    await writeFile(join(this.lab.home, "fake", "faults.json"), JSON.stringify(wanted));
  }

  async listed(): Promise<Listed[]> {
    return JSON.parse(await this.lab.succeed("ops", "--all", "--json")) as Listed[];
  }

  async only(): Promise<Listed> {
    const [one, ...others] = await this.listed();
    if (one === undefined || others.length > 0) throw new Error("not exactly one operation");
    return one;
  }

  /** The operation, once it is as wanted. */
  async once(id: string, wanted: (operation: Listed) => boolean): Promise<Listed> {
    for (;;) {
      const operation = (await this.listed()).find((candidate) => candidate.id === id);
      if (operation === undefined) throw new Error(`there is no ${id}`);
      if (wanted(operation)) return operation;
      if (operation.state !== "starting" && operation.state !== "running")
        throw new Error(`it ended before: ${JSON.stringify(operation)}`);
    }
  }

  /** Everything that records of operations hold. */
  async kept(): Promise<string> {
    const folder = join(this.lab.home, "operations");
    const names = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    return (
      await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")))
    ).join("\n");
  }

  /** What changes from run to run: ids, processes, times. */
  steady(text: string): string {
    return text
      .replaceAll(/op-[0-9a-f]{6}/g, "op-ID")
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, "TIME")
      .replaceAll(/\b\d+(ms|s)\b( \d+s)?/g, "N")
      .replaceAll(/pid \d+ on \S+/g, "pid N on HOST")
      .replaceAll(this.lab.root, "ROOT")
      .replaceAll(/ +$/gm, "");
  }

  /** Ends what still runs, by pid, and removes everything. */
  async remove(): Promise<void> {
    for (const { pid, state } of await this.listed()) {
      if (state === "running" && pid !== process.pid) await nodeEffects().processes.signal(pid, "SIGKILL");
    }
    await this.lab.remove();
  }
}
