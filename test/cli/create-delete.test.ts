import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB);
});
afterEach(() => lab.remove());

describe("create", () => {
  test("without a name takes the next free one, and keeps what the user wrote", async () => {
    await lab.succeed("create", "--role", "docker", "--yes");
    await lab.succeed("create", "--role", "docker", "--cpus", "2", "--yes");
    expect(await lab.read("lab.toml")).toBe(
      `${LAB}\n[vms.docker-1]\nrole = "docker"\n\n[vms.docker-2]\nrole = "docker"\ncpus = 2\n`,
    );
    expect(await lab.succeed("state", "list", "vm.*")).toBe("vm.docker-1\nvm.docker-2\n");
  });

  test("refuses a taken name with where it is declared and a free one", async () => {
    const { code, stderr } = await lab.vmlab(["create", "web", "--image", "noble", "--yes"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'Error: there is a VM "web" already, declared at lab.toml:14 [config/name-taken]\n  in vm.web\n  Hint: "web-1" is free.\n',
    });
    const member = await lab.vmlab(["create", "k8s-worker-2", "--image", "noble", "--yes"]);
    expect(member.stderr).toContain('Hint: "k8s-worker-3" is free.');
    expect(await lab.read("lab.toml")).toBe(LAB);
  });

  test("refuses what is not declared, with the nearest name", async () => {
    const { stderr } = await lab.vmlab(["create", "--role", "dokcer"]);
    expect(stderr).toBe(
      'Error: lab.toml declares no role "dokcer" [config/unknown-reference]\n  Hint: Did you mean "docker"?\n',
    );
  });

  test("declares a role of the catalogue with its first VM", async () => {
    const { questions } = await lab.vmlab(["create", "obs", "--role", "observer"], { answers: ["no"] });
    expect(questions).toEqual(["Write [roles.observer], [vms.obs] to lab.toml and make it? [y/N] "]);
    expect(await lab.read("lab.toml")).toBe(LAB);
    await lab.succeed("create", "obs", "--role", "observer", "--yes");
    expect(await lab.read("lab.toml")).toBe(
      `${LAB}\n[roles.observer]\nuse = "observer"\n\n[vms.obs]\nrole = "observer"\n`,
    );
    await lab.succeed("create", "--role", "observer", "--yes");
    expect((await lab.read("lab.toml")).match(/\[roles\.observer\]/g)).toHaveLength(1);
    const { stderr } = await lab.vmlab(["create", "--role", "nothing-like-it"]);
    expect(stderr).toContain("Hint: lab.toml and the catalogue have: docker, k8s, kata, lxd, observer.\n");
  });

  test("writes nothing when the entry would be wrong or the user says no", async () => {
    const wrong = await lab.vmlab(["create", "big", "--image", "noble", "--memory", "lots", "--yes"]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('memory = "lots"');
    expect(wrong.stderr).toContain("Nothing was written.");
    const refused = await lab.vmlab(["create", "big", "--image", "noble"], { answers: ["no"] });
    expect(refused.questions).toEqual(["Write [vms.big] to lab.toml and make it? [y/N] "]);
    expect(await lab.read("lab.toml")).toBe(LAB);
    expect(await lab.succeed("list")).toContain("No VMs yet");
  });
});

type Line = Readonly<Record<string, unknown>>;
const eventsOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

describe("--json", () => {
  test("prints events alone, the last of which is the end of the run", async () => {
    const made = eventsOf(await lab.succeed("create", "--role", "docker", "--yes", "--json"));
    expect(made.filter(({ type }) => type === "operation-finished")).toContainEqual(
      expect.objectContaining({ operation: expect.objectContaining({ address: "vm.docker-1" }) }),
    );
    expect(made.at(-1)).toMatchObject({ type: "run-finished", result: { failed: 0 } });
    const copied = eventsOf(await lab.succeed("clone", "docker-1", "copy", "--auto-approve", "--json"));
    expect(copied.at(-1)).toMatchObject({ type: "run-finished", result: { created: 1, failed: 0 } });
    const deleted = eventsOf(await lab.succeed("delete", "copy", "--force", "--yes", "--json"));
    expect(deleted.at(-1)).toMatchObject({ type: "run-finished", result: { deleted: 1, failed: 0 } });
    // mon was declared, and never made.
    expect(eventsOf(await lab.succeed("delete", "mon", "--yes", "--json"))).toMatchObject([
      { type: "run-finished", result: { deleted: 0, failed: 0 }, durationMs: 0 },
    ]);
  });

  test("asks nothing: not whether to begin, and not whether to stop a VM", async () => {
    const options = { answers: ["y", "y"] };
    for (const args of [
      ["create", "box", "--image", "noble"],
      ["clone", "web", "copy"],
      ["delete", "web"],
    ]) {
      const { code, stdout, stderr, questions } = await lab.vmlab([...args, "--json"], options);
      expect({ code, stdout, questions }).toEqual({ code: 1, stdout: "", questions: [] });
      expect(stderr).toContain("[cli/needs-confirmation]");
    }
    expect(await lab.read("lab.toml")).toBe(LAB);
    await lab.succeed("apply", "--yes");
    const running = await lab.vmlab(["delete", "mon", "--yes", "--json"], options);
    expect(running).toMatchObject({ code: 1, stdout: "", questions: [] });
    expect(running.stderr).toContain("[vm/running]");
  });
});

describe("delete", () => {
  beforeEach(() => lab.succeed("apply", "--yes"));

  test("refuses a VM that another needs, and says which and where", async () => {
    const { code, stderr } = await lab.vmlab(["delete", "web", "--force", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "Error: vm.web is needed by vm.mon [config/still-needed]\n  at lab.toml:17:6: vm.mon\n",
    );
  });

  test("refuses a running VM without --force, and asks where it can", async () => {
    const { code, stderr } = await lab.vmlab(["delete", "mon", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error: vm.mon is running [vm/running]\n  Hint: Stop it first ("vmlab stop mon"), or delete it with --force.\n',
    );
    const asked = await lab.vmlab(["delete", "mon"], { answers: ["n"] });
    expect(asked.questions).toEqual(["mon is running. Stop and delete? [y/N] "]);
    expect(await lab.read("lab.toml")).toBe(LAB);
  });

  test("refuses members that count or an environment makes", async () => {
    const { code, stderr } = await lab.vmlab(["delete", "k8s-worker-1", "--force", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "Error: vm.k8s-worker-1 is made by count of [environments.k8s.vms.worker] and has no entry of its own",
    );
  });

  test("takes the entry out, deletes the VM, and the trash gives it back", async () => {
    await lab.succeed("delete", "web", "mon", "--force", "--yes");
    expect(await lab.read("lab.toml")).not.toContain("[vms.");
    expect(await lab.succeed("state", "list", "vm.*")).toBe("vm.k8s-worker-1\nvm.k8s-worker-2\n");
    expect(await lab.succeed("trash", "restore", "web")).toContain(
      'web is back, stopped. "vmlab start web" starts it.\n',
    );
    expect(await lab.read("lab.toml")).toContain('[vms.web]\nimage = "noble"\n');
    const plan = await lab.vmlab(["plan", "--target", "vm.web", "--detailed-exitcode"]);
    expect(plan.stdout).toContain("No changes.");
    await lab.succeed("start", "web");
    // The role of the VM that is gone has served its time.
    expect(await lab.succeed("plan")).toContain(
      "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to forget.",
    );
  });
});
