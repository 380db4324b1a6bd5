import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { COMMANDS } from "../../cli/command-table.ts";
import { CliLab } from "./cli-lab.ts";

const LAB = `lab = { name = "demo", provider = "fake", image = "noble", include = ["more.toml"] }
[vars]
workers = { type = "integer", default = 2 }
[images]
noble = { url = "https://example.com/noble.img", checksum = "sha256:${"a".repeat(64)}" }
[roles.docker]
run = ["echo docker"]
[templates.small]
memory = "512MiB"
[networks.lan]
cidr = "10.1.0.0/24"
[volumes.data]
size = "1GiB"
[vms.web]
role = "docker"
labels = { tier = "front" }
[vms.db]
[environments.k8s.vms.worker]
count = "\${vars.workers}"
[outputs.api]
value = "x"
`;

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
  await lab.write("more.toml", "[vms.mon]\n[environments.more.vms.one]\n");
});
afterEach(() => lab.remove());

/** What fits at the end of a line, without descriptions; the last one says what else does. */
async function fits(line: string, options?: { readonly folder?: string }): Promise<string[]> {
  const words = line.split(" ");
  const { code, stdout, stderr } = await lab.vmlab(["completion", "--", ...words.slice(1)], {
    ...(options?.folder === undefined ? {} : { cwd: options.folder }),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .trimEnd()
    .split("\n")
    .map((row) => row.split("\t")[0] ?? "");
}

describe("what the definitions say", () => {
  test("commands, with their summaries", async () => {
    const { stdout } = await lab.vmlab(["completion", "--", "pl"]);
    for (const { name, summary } of COMMANDS) expect(stdout).toContain(`${name}\t${summary}\n`);
  });

  test("commands of a group; help knows them too, and topics", async () => {
    const commands = ["list", "show", "mv", "rm", "history", "restore", "unlock", "adopt", "pull", ":"];
    expect(await fits("vmlab state ")).toEqual(commands);
    expect(await fits("vmlab help state ")).toEqual(commands);
    expect(await fits("vmlab help ")).toEqual(expect.arrayContaining(["plan", "environment", "exit-codes"]));
    expect(await fits("vmlab help plan ")).toEqual([":"]);
  });

  test("options that were not given yet, or may be given again", async () => {
    expect(await fits("vmlab stop --force --env k8s --")).toEqual([
      ...[
        "--chdir",
        "--verbose",
        "--log-format",
        "--env",
        "--role",
        "--label",
        "--all",
        "--var",
        "--var-file",
        "--parallelism",
      ],
      ...["--lock-timeout", "--json", "--help", ":"],
    ]);
    expect(await fits("vmlab images --")).toEqual([
      "--chdir",
      "--verbose",
      "--log-format",
      "--json",
      "--help",
      ":",
    ]);
    expect(await fits("vmlab -")).toEqual([
      ...["--chdir", "--verbose", "--log-format", "--version", "--help", ":"],
    ]);
  });

  test("values that an option may have", async () => {
    expect(await fits("vmlab graph --format ")).toEqual(["dot", "mermaid", "json", ":"]);
    expect(await fits("vmlab graph --format=m")).toEqual([
      "--format=dot",
      "--format=mermaid",
      "--format=json",
      ":",
    ]);
    expect(await fits("vmlab --log-format ")).toEqual(["text", "json", ":"]);
    expect(await fits("vmlab -v --log-format=")).toEqual(["--log-format=text", "--log-format=json", ":"]);
    expect(await fits("vmlab --log-format json -v pl")).toContain("plan");
    expect(await fits("vmlab completion ")).toEqual(["bash", "zsh", "fish", ":"]);
  });

  test("files, folders, and nothing where only the user knows", async () => {
    expect(await fits("vmlab apply ")).toEqual([":files"]);
    expect(await fits("vmlab plan -o ")).toEqual([":files"]);
    expect(await fits("vmlab plan -C ")).toEqual([":folders"]);
    expect(await fits("vmlab -C ")).toEqual([":folders"]);
    expect(await fits("vmlab create --memory ")).toEqual([":"]);
    expect(await fits("vmlab exec web -- ")).toEqual([":"]);
    expect(await fits("vmlab nonsense ")).toEqual([":"]);
  });
});

describe("what there is", () => {
  test("settings of the host, also when config.toml is wrong", async () => {
    await lab.write("../home/config.toml", "limits = 3\n");
    for (const verb of ["get", "set", "unset"]) {
      expect(await fits(`vmlab config ${verb} li`)).toEqual(
        expect.arrayContaining(["limits.cpus", "limits.memory", "trash.keep", ":"]),
      );
    }
    expect(await fits("vmlab config set limits.memory ")).toEqual([":"]);
  });

  test("names of lab.toml and its includes, before anything is made", async () => {
    expect(await fits("vmlab create --role ")).toEqual(["docker", ":"]);
    expect(await fits("vmlab create --image ")).toEqual(["noble", ":"]);
    expect(await fits("vmlab create --template ")).toEqual(["small", ":"]);
    expect(await fits("vmlab plan --env ")).toEqual(["k8s", "more", ":"]);
    expect(await fits("vmlab plan --env k8s,")).toEqual(["k8s,more", ":"]);
    expect(await fits("vmlab plan --var ")).toEqual(["workers=", ":open"]);
    expect(await fits("vmlab images build ")).toEqual(["docker", "noble", ":"]);
    expect(await fits("vmlab plan --target vm.")).toEqual([
      ...["vm.web", "vm.db", "vm.mon", "image.noble", "role.docker", "network.lan", "volume.data"],
      ...["environment.k8s", "environment.more", ":"],
    ]);
    expect(await fits("vmlab start ")).toEqual([":"]);
  });

  test("names of the state, of snapshots, the trash, operations and older states", async () => {
    await lab.succeed("apply", "--yes");
    expect(await fits("vmlab start db ")).toEqual([
      "k8s-worker-1",
      "k8s-worker-2",
      "mon",
      "more-one",
      "web",
      ":",
    ]);
    expect(await fits("vmlab ssh web ")).toEqual([":"]);
    expect(await fits("vmlab list --label ")).toEqual(["tier=front", ":"]);
    expect(await fits("vmlab cp ")).toEqual([
      ...["db:", "k8s-worker-1:", "k8s-worker-2:", "mon:", "more-one:", "web:"],
      ":files open",
    ]);
    expect(await fits("vmlab cp web:/e")).toEqual([":"]);
    expect(await fits("vmlab output ")).toEqual(["api", ":"]);
    expect(await fits("vmlab state show vm.")).toEqual(expect.arrayContaining(["vm.web", "network.lan"]));

    await lab.succeed("snapshot", "create", "web", "db", "--name", "clean", "--description", "as it\ncame");
    await lab.succeed("snapshot", "create", "db", "--name", "full");
    expect(await fits("vmlab snapshot restore web --name ")).toEqual(["clean", ":"]);
    expect(await fits("vmlab snapshot restore --name ")).toEqual(["clean", "full", ":"]);
    expect(await fits("vmlab export db image --from-snapshot=")).toEqual([
      "--from-snapshot=clean",
      "--from-snapshot=full",
      ":",
    ]);
    expect(await fits("vmlab snapshot create web --name ")).toEqual([":"]);
    expect(await fits("vmlab clone ")).toEqual(expect.arrayContaining(["web", "small"]));
    expect(await fits("vmlab clone web copy --from-snapshot ")).toEqual(["clean", ":"]);

    await lab.succeed("delete", "web", "--force", "--yes");
    const [name, id, end] = await fits("vmlab trash restore ");
    expect([name, end]).toEqual(["web", ":"]);
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect(await fits("vmlab start ")).not.toContain("web");
    expect((await fits("vmlab ops show "))[0]).toMatch(/^op-[0-9a-f]{6}$/);
    expect(await fits("vmlab state restore ")).toEqual(expect.arrayContaining(["1"]));
  });

  test("of the lab that -C names, before or behind the command", async () => {
    const folder = lab.root;
    expect(await fits(`vmlab -C ${lab.folder} plan --env `, { folder })).toEqual(["k8s", "more", ":"]);
    expect(await fits("vmlab plan --chdir lab --env ", { folder })).toEqual(["k8s", "more", ":"]);
    expect(await fits("vmlab plan --env ", { folder })).toEqual([":"]);
  });

  test("nothing is said of what is wrong: a broken lab.toml, a broken state, no folder", async () => {
    await lab.succeed("apply", "--yes");
    await lab.write("lab.toml", "lab = {");
    expect(await fits("vmlab plan --env ")).toEqual(["k8s", "more", ":"]);
    expect(await fits("vmlab start w")).toContain("web");
    await lab.write(".vmlab/state.json", "{");
    expect(await fits("vmlab start w")).toEqual([":"]);
    expect(await fits("vmlab snapshot delete --name ")).toEqual([":"]);
    expect(await fits("vmlab -C /nowhere plan --target ")).toEqual([":"]);
  });
});

test("it prints a script for each shell, and without a shell how to install them", async () => {
  expect(await lab.succeed("completion", "bash")).toContain("\ncomplete -F _vmlab vmlab\n");
  expect(await lab.succeed("completion", "zsh")).toMatch(/^#compdef vmlab\n/);
  expect(await lab.succeed("completion", "fish")).toContain("\ncomplete -c vmlab ");
  const told = await lab.succeed("completion");
  for (const line of [
    "  vmlab completion bash > ~/.local/share/bash-completion/completions/vmlab\n",
    "  vmlab completion zsh > ~/.zfunc/_vmlab\n",
    "  vmlab completion fish > ~/.config/fish/completions/vmlab.fish\n",
  ])
    expect(told).toContain(line);
  const { code, stderr } = await lab.vmlab(["completion", "tcsh"]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'Error: command-argument value "tcsh" is invalid for argument "shell". Allowed choices are bash, zsh, fish [cli/usage]\n  Hint: "vmlab completion --help" shows how it is used.\n',
  });
});
