import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CommandLog } from "../../cli/command-log.ts";
import { restoreVm } from "../../cli/restore-vm.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { homeFrom } from "../../engine/home.ts";
import { FileStore } from "../../engine/state/file-store.ts";
import { fakeProviders } from "../../providers/fake/index.ts";
import type { Providers } from "../../providers/provider.ts";
import { CliLab, LAB } from "./cli-lab.ts";
import { TestTerminal } from "./test-terminal.ts";

const ID = "0123456789ab";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

/** `vmlab ARGS` with another VMLAB_HOME than the one the lab was made with. */
async function elsewhere(home: string, ...args: string[]) {
  const { main } = await import("../../cli/main.ts");
  const terminal = new TestTerminal({ cwd: lab.folder });
  const effects = nodeEffects();
  const env = { ...effects.host.env, VMLAB_HOME: home };
  const code = await main(args, { effects: { ...effects, host: { ...effects.host, env } }, terminal });
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

async function putIntoTrash(home: string): Promise<void> {
  const file = join(home, "trash", ID, "trash.json");
  await mkdir(dirname(file), { recursive: true });
  const deletedAt = Date.now() - 60_000;
  const about = { id: ID, name: "db", lab: "other", lineage: "0".repeat(16), reason: "deleted", record: {} };
  await writeFile(file, JSON.stringify({ ...about, deletedAt }));
}

describe("the trash is the host's, not the lab's", () => {
  test("it is listed and emptied beside a state of another VMLAB_HOME", async () => {
    await lab.succeed("apply", "--yes");
    const home = join(lab.root, "another");
    expect((await elsewhere(home, "plan")).stderr).toContain("[state/other-home]");
    expect(await elsewhere(home, "trash", "list")).toEqual({
      code: 0,
      stdout: "The trash is empty.\n",
      stderr: "",
    });
    expect((await elsewhere(home, "trash", "empty", "--yes")).code).toBe(0);
  });

  test("it is listed and emptied beside a damaged state and a lab.toml that is wrong", async () => {
    await lab.succeed("apply", "--yes");
    await lab.succeed("delete", "mon", "--force", "--yes");
    await lab.write(".vmlab/state.json", "{");
    await lab.write("lab.toml", `${await lab.read("lab.toml")}\n[vms.bad]\nmemroy = 1\n`);
    expect(await lab.succeed("trash", "list")).toMatch(/\n[0-9a-f]{12} {2}mon {3}demo /);
    expect(await lab.succeed("trash", "empty", "mon", "--yes")).toMatch(/^Removed mon, /);
    expect(await lab.succeed("trash", "list")).toBe("The trash is empty.\n");
  });

  test("outside of any lab it is that of real machines", async () => {
    await putIntoTrash(lab.home);
    const at = { cwd: lab.root };
    const listed = JSON.parse((await lab.vmlab(["trash", "list", "--json"], at)).stdout) as unknown[];
    expect(listed).toMatchObject([{ id: ID, name: "db", lab: "other" }]);
    expect(await lab.vmlab(["trash", "empty", "--yes"], at)).toMatchObject({ code: 0, stderr: "" });
    expect(await readdir(join(lab.home, "trash"))).toEqual([]);
  });
});

describe("a restored VM", () => {
  test("is declared again in readable sizes, without its sensitive values, which are named", async () => {
    await lab.write(
      "lab.toml",
      `${LAB}\n[vars.token]\ntype = "string"\nsensitive = true\ndefault = "s3cret"\n\n` +
        `[vms.db]\nmemory = "1536MiB"\ndisk = "20GiB"\nports = ["8080:80"]\n` +
        `labels = { tier = "data", token = "\${vars.token}" }\n`,
    );
    await lab.succeed("apply", "--yes");
    await lab.succeed("delete", "db", "--force", "--yes");
    const before = await lab.read("lab.toml");
    expect(await lab.succeed("trash", "restore", "db")).toBe(
      "Wrote [vms.db] to lab.toml; steps and env of its own are not in it.\n" +
        "Left out, because they hold sensitive values: labels.token. Declare them again.\n" +
        'db is back, stopped. "vmlab start db" starts it.\n',
    );
    expect(await lab.read("lab.toml")).toBe(
      `${before}\n[vms.db]\nimage = "noble"\ncpus = 1\nmemory = "1536MiB"\ndisk = "20GiB"\n` +
        'ports = ["8080:80"]\nlabels = { tier = "data" }\n',
    );
  });

  test("has a record before it leaves the trash; none where it stays there", async () => {
    await lab.succeed("apply", "--yes");
    await lab.succeed("delete", "mon", "--force", "--yes");
    const { providers, vm, restore, record } = await restoring();
    let seen: unknown;
    const broken: Providers = {
      ...providers,
      vm: {
        ...providers.vm,
        restoreFromTrash: async () => {
          seen = await record("vm.mon");
          throw new Error("the disk is read-only");
        },
      },
    };
    await expect(restore(broken)).rejects.toThrow("the disk is read-only");
    expect(seen).toMatchObject({ instance: vm.id });
    expect(await record("vm.mon")).toBeUndefined();

    const late: Providers = {
      ...providers,
      vm: {
        ...providers.vm,
        restoreFromTrash: async (id) => {
          await providers.vm.restoreFromTrash(id);
          throw new Error("too late");
        },
      },
    };
    await expect(restore(late)).rejects.toThrow("too late");
    expect(await record("vm.mon")).toMatchObject({ instance: vm.id });
    // Again, as after a crash: its own record is in nobody's way.
    await restore(providers);
    expect(await lab.read("lab.toml")).toContain("[vms.mon]");
  });

  test("keeps nothing of the machine that it was to replace, nor of how it was powered", async () => {
    await lab.succeed("apply", "--yes");
    await lab.succeed("delete", "mon", "--force", "--yes");
    const { providers, vm, restore, record } = await restoring();
    const { replacement: _, ...old } = vm.record;
    const mixed = {
      ...old,
      stepsDone: ["a"],
      provisioned: true,
      restartOld: true,
      replacement: { instance: vm.id },
      powerOverride: { state: "suspended", by: "guest", since: 1 },
    };
    await restore(providers, mixed);
    const { stepsDone: _s, provisioned: _p, ...expected } = old;
    expect(await record("vm.mon")).toEqual({
      ...expected,
      powerOverride: { state: "stopped", by: "command", since: expect.any(Number) },
    });
  });
});

describe("a restored volume", () => {
  const DATA = '[volumes.data]\nsize = "20GiB"\n';
  const USED = 'volumes = [{ name = "data", mount = "/srv" }]\n';

  test("is declared again, keeps its data, and is attached by the next apply that says so", async () => {
    await lab.write("lab.toml", `${LAB}\n${DATA}\n[vms.data]\n${USED}`);
    await lab.succeed("apply", "--yes");
    const before = await readdir(join(lab.home, "fake", "volumes"));
    await lab.write("lab.toml", LAB);
    await lab.succeed("apply", "--yes");
    expect(await lab.succeed("trash", "list")).toMatch(/ volume\.data {2}demo /);
    expect(await lab.succeed("trash", "restore", "volume.data")).toBe(
      "Wrote [volumes.data] to lab.toml.\nvolume.data is back, attached to no VM.\n",
    );
    expect(await lab.read("lab.toml")).toBe(`${LAB}\n[volumes.data]\nsize = "20GiB"\nfilesystem = "ext4"\n`);
    expect(await readdir(join(lab.home, "fake", "volumes"))).toEqual(before);
    expect(await lab.succeed("plan")).toContain("No changes");
    // A VM and a volume of one name: the plain name is the VM's. It comes back without its volumes.
    expect(await lab.succeed("trash", "restore", "data")).toContain("data is back, stopped.");
    await lab.write("lab.toml", `${await lab.read("lab.toml")}${USED}`);
    expect(await lab.succeed("plan")).toContain("volumes +data on /srv (live)");
    await lab.succeed("apply", "--yes");
  });

  test("needs its name, or another one, and a declaration that it fits", async () => {
    await lab.write("lab.toml", `${LAB}\n${DATA}`);
    await lab.succeed("apply", "--yes");
    await lab.succeed("apply", "--yes", "--replace", "volume.data");
    expect((await lab.vmlab(["trash", "restore", "data"])).stderr).toContain("volume.data exists");
    expect(await lab.succeed("trash", "restore", "data", "--as", "old")).toContain(
      "volume.old is back, attached to no VM.",
    );
    await lab.write("lab.toml", LAB);
    await lab.succeed("apply", "--yes");
    await lab.write("lab.toml", `${LAB}\n[volumes.old]\nsize = "10GiB"\n`);
    expect((await lab.vmlab(["trash", "restore", "old"])).stderr).toContain(
      "volume.old is declared with 10 GiB and ext4 now, and the deleted one has 20 GiB and ext4",
    );
    expect(await lab.succeed("trash", "empty", "volume.old", "--yes")).toMatch(/^Removed volume\.old, /);
  });
});

/** The trash's newest VM, and a restore of it with providers of one's own. */
async function restoring() {
  const effects = lab.effects();
  const home = homeFrom(effects.host.env);
  const providers = fakeProviders({ effects, home });
  const [vm] = await providers.vm.trash();
  if (vm === undefined) throw new Error("the trash is empty");
  const terminal = new TestTerminal({ cwd: lab.folder });
  const context = {
    effects,
    home,
    terminal,
    log: new CommandLog({ effects, home, tool: "0.0.0", argv: [] }),
    folder: lab.folder,
    tool: "0.0.0",
    guestCommand: undefined,
    exitCode: 0,
  };
  return {
    providers,
    vm,
    restore: (with_: Providers, record = vm.record) =>
      restoreVm(context, with_, { ...vm, record }, undefined),
    record: async (address: string) => {
      const store = new FileStore({ effects, folder: join(lab.folder, ".vmlab"), tool: "0.0.0" });
      return (await store.read())?.resources[address];
    },
  };
}
