/** exec over several VMs, port, ip and cp's arguments, with pretend machines. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CliLab, LAB } from "./cli-lab.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create(LAB.replace('memory = "512MiB"', 'ports = ["8080:80"]\nmemory = "512MiB"'));
  await lab.succeed("apply", "--yes");
});
afterEach(() => lab.remove());

async function faults(text: object): Promise<void> {
  await mkdir(join(lab.home, "fake"), { recursive: true });
  await writeFile(join(lab.home, "fake", "faults.json"), JSON.stringify(text));
}

describe("exec in several VMs", () => {
  test("ends with a table of exit codes on standard error", async () => {
    await lab.succeed("stop", "k8s-worker-1");
    await faults({ failures: [{ step: "exec", name: "mon", message: "the connection broke" }] });
    const { code, stdout, stderr } = await lab.vmlab(["exec", "--all", "--", "uptime"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.replace(/ +\d+ms/g, " TIME")).toBe(
      `
NAME          EXIT  TIME  WHY
k8s-worker-1     - TIME  is not running
k8s-worker-2     0 TIME
mon              - TIME  the connection broke
web              0 TIME
`,
    );
  });

  test("--json has each VM, and --env chooses", async () => {
    const { code, stdout } = await lab.vmlab(["exec", "--env", "k8s", "--json", "--", "true"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      ["k8s-worker-1", "k8s-worker-2"].map((vm) => ({
        vm,
        exit_code: 0,
        stdout: "",
        stderr: "",
        duration_ms: expect.any(Number) as unknown,
      })),
    );
  });

  test("standard input goes to one VM only", async () => {
    expect((await lab.vmlab(["exec", "--all", "-i", "--", "cat"])).stderr).toBe(
      'Error: --stdin goes to one VM, and 4 are chosen [cli/usage]\n  Hint: Copy a file into several with "vmlab cp", then run the command on it.\n',
    );
  });
});

describe("port", () => {
  test("is added until the VM stops, listed, no drift, and removed", async () => {
    expect(await lab.succeed("port", "web", "9000:90")).toBe(
      "127.0.0.1:9000 leads to port 90 of web, until web stops.\n",
    );
    expect(await lab.succeed("port", "web", "9000:90")).toBe(
      "127.0.0.1:9000 leads to port 90 of web, until web stops.\n",
    );
    expect(await lab.succeed("port", "web", "80")).toBe("127.0.0.1:8080 leads to port 80 of web already.\n");
    expect(await lab.succeed("port", "web")).toMatch(
      /^HOST +GUEST {2}LASTS\n127\.0\.0\.1:\d+ +22 {2}vmlab's own way in\n127\.0\.0\.1:8080 +80 {2}declared in lab\.toml\n127\.0\.0\.1:9000 +90 {2}until the VM stops\n$/,
    );
    expect(await lab.succeed("list", "web")).toContain("8080→80 9000→90");
    expect((await lab.vmlab(["plan", "--detailed-exitcode"])).code).toBe(0);
    expect(JSON.parse(await lab.succeed("port", "web", "90", "--remove", "--json"))).toEqual([
      { address: "127.0.0.1", host: 9000, guest: 90, protocol: "tcp", purpose: "temporary" },
    ]);
    await lab.succeed("port", "web", "9001:90");
    await lab.succeed("restart", "web");
    expect(await lab.succeed("port", "web")).not.toContain("9001");
  });

  test.each([
    [["web", "http"], 'Error: "http" is no port [cli/usage]'],
    [["web", "--remove"], "Error: --remove needs the ports to remove [cli/usage]"],
    [
      ["web", "80", "--remove"],
      "Error: port 8080 to port 80 of web is declared in lab.toml [vm/no-such-port]",
    ],
    [["web", "81", "--remove"], "Error: no port of this host leads to port 81 of web [vm/no-such-port]"],
    [["*", "80"], 'Error: "*" matches 4 VMs, and this command works on one [select/several-vms]'],
  ])("%j is refused", async (args, message) => {
    const { code, stderr } = await lab.vmlab(["port", ...args]);
    expect(code).toBe(1);
    expect(stderr.split("\n")[0]).toBe(message);
  });

  test("of a VM that is off there are none", async () => {
    await lab.succeed("stop", "web");
    for (const args of [["web"], ["web", "80"]])
      expect((await lab.vmlab(["port", ...args])).stderr).toContain(
        "Error: vm.web is not running [vm/not-running]",
      );
  });
});

test("ip shows by which address each VM is reached", async () => {
  await lab.succeed("stop", "mon");
  expect(await lab.succeed("ip", "web", "mon")).toMatch(
    /^NAME {2}SSH +STATE\nmon {3}127\.0\.0\.1:\d+ {2}stopped\nweb {3}127\.0\.0\.1:\d+\n$/,
  );
  expect(JSON.parse(await lab.succeed("ip", "web", "--json"))).toEqual([
    {
      name: "web",
      state: "running",
      ip: null,
      networks: {},
      ssh: { host: "127.0.0.1", port: expect.any(Number) as unknown },
    },
  ]);
});

describe("cp", () => {
  test.each([
    [["motd"], "Error: cp needs what to copy, and where to [cli/usage]"],
    [["a", "b"], "Error: a and b are both on this host [cli/usage]"],
    [["a", "wbe:"], 'Error: there is no VM "wbe" [select/unknown-vm]'],
    [["a", "web:", "--delete"], "Error: --delete goes with --watch [cli/usage]"],
    [["web:a", "b", "--watch"], "Error: --watch copies one folder of this host into VMs [cli/usage]"],
    [["a", "web:", "--watch"], "Error: there is no folder a [cp/no-source]"],
    [["nope", "web:"], "Error: there is no nope [cp/no-source]"],
  ])("%j is refused", async (args, message) => {
    const { code, stderr } = await lab.vmlab(["cp", ...args]);
    expect(code).toBe(1);
    expect(stderr.split("\n")[0]).toBe(message);
  });
});
