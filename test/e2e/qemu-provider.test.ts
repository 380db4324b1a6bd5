/** The life of a VM of the QEMU provider on a real machine: the tiny guest under emulation. */

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../engine/json.ts";
import { diagnosticsOf, MiB, type ProviderRig, providerRig } from "../support/guests/provider-rig.ts";
import { tinyGuest } from "../support/guests/tiny.ts";

const exec = promisify(execFile);
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFooFooFooFooFooFooFooFooFooFooFooFooFooFooF friend";

let tiny: string;
let rig: ProviderRig;

beforeAll(async () => {
  tiny = await tinyGuest();
});

describe("a VM on the tiny guest", () => {
  beforeEach(async () => {
    rig = await providerRig(tiny);
  });
  afterEach(async () => {
    await rig.dispose();
  });

  test("is made, reached, provisioned, changed live, lost, found, and brought back from the trash", async () => {
    const { provider, call } = rig;
    const http = { address: "127.0.0.1", host: 0, guest: 80, protocol: "tcp" } as const;
    let spec = rig.spec({
      ports: [http],
      password: "first secret",
      env: { GREETING: "it's $HOME" },
      disk: 96 * MiB,
    });
    const { id } = spec;

    expect(await rig.observe(id)).toEqual({ state: "absent" });
    const made = await provider.create(spec, call);
    expect(await provider.create(spec, call)).toEqual(made);
    expect(await rig.observe(id)).toEqual({ state: "stopped", clean: true, attributes: made });

    const started = await provider.start(spec, call);
    expect(await provider.start(spec, call)).toEqual(started);
    expect(started.machine).toMatch(/^pc-i440fx-\d/);
    const ready = await provider.ready(spec, call);
    expect(ready).toEqual(started);
    const bound = { address: "127.0.0.1", protocol: "tcp" } as const;
    const forwards = [
      { ...bound, host: started.ssh_port, guest: 22, purpose: "ssh" },
      { ...bound, host: (started.ports as JsonObject)["80"], guest: 80, purpose: "declared" },
    ];
    expect(await rig.observe(id)).toEqual({ state: "running", paused: false, attributes: started, forwards });
    expect(
      await provider.exec(id, "hostname; pwd; cat; echo err >&2; exit 7", { input: "stdin\n" }, call),
    ).toEqual({
      code: 7,
      stdout: "web\n/home/lab\nstdin\n",
      stderr: "err\n",
    });

    // A password works beside the keys; the wrong one does not.
    expect(await passwordLogin(id, "first secret")).toBe("in as lab");
    expect(await passwordLogin(id, "wrong")).toBe("refused");

    const content = Buffer.from("a\0b\n$HOME 'quoted'\n");
    await provider.provision(
      spec,
      {
        kind: "file",
        label: "file /etc/deep/er/x",
        to: "/etc/deep/er/x",
        mode: "0640",
        owner: "root:root",
        content,
      },
      call,
    );
    rig.told.length = 0;
    await provider.provision(
      spec,
      { kind: "run", label: "run", command: 'md5sum </etc/deep/er/x; echo "$GREETING"' },
      call,
    );
    await provider.provision(
      spec,
      { kind: "script", label: "script", content: Buffer.from("#!/bin/ash -u\nset -o | grep nounset\nps\n") },
      call,
    );
    const { createHash } = await import("node:crypto");
    expect(rig.told.slice(0, 5)).toEqual([
      "run",
      `${createHash("md5").update(content).digest("hex")}  -`,
      "it's $HOME",
      "script",
      expect.stringMatching(/^nounset\s+on$/),
    ]);
    expect(rig.told.join("\n")).not.toContain("GREETING");
    const [failed] = await diagnosticsOf(
      provider.provision(
        spec,
        { kind: "run", label: "run step 3", command: "echo almost; echo no >&2; exit 4" },
        call,
      ),
    );
    expect(failed).toMatchObject({
      code: "qemu/step-failed",
      summary: "run step 3 failed in web: exit code 4",
      detail: "Its output ends with:\n  almost\n  no",
    });

    // Live: another port, a key, another password, a bigger disk.
    const udp = { address: "127.0.0.1", host: 0, guest: 53, protocol: "udp" } as const;
    spec = { ...spec, ports: [http, udp], keys: [KEY], password: "second", disk: 256 * MiB };
    const updated = await provider.update(spec, call);
    expect(await provider.update(spec, call)).toEqual(updated);
    expect(updated).toEqual({
      ...started,
      disk: 256 * MiB,
      ports: { ...(started.ports as object), "53/udp": expect.any(Number) as unknown },
    });
    const seen = await provider.exec(
      id,
      `grep -c friend .ssh/authorized_keys; df -m / | awk 'END { print ($2 > 200) }'`,
      {},
      call,
    );
    expect(seen.stdout).toBe("1\n1\n");
    expect(await passwordLogin(id, "second")).toBe("in as lab");
    // A temporary port is kept by an update that knows nothing of it, and gives way to a declared one.
    const temporary = await provider.addPort(id, { ...bound, host: 0, guest: 8000 }, call.signal);
    expect(await provider.addPort(id, { ...bound, host: 0, guest: 8000 }, call.signal)).toEqual(temporary);
    expect(await provider.addPort(id, { ...bound, host: 0, guest: 80 }, call.signal)).toEqual(forwards[1]);
    spec = { ...spec, ports: [http], keys: [] };
    expect(await provider.update(spec, call)).toEqual({ ...started, disk: 256 * MiB });
    expect(await rig.observe(id)).toMatchObject({ forwards: [...forwards, temporary] });
    const declared = { ...bound, host: temporary.host, guest: 9000 } as const;
    await provider.update({ ...spec, ports: [http, declared] }, call);
    expect(await rig.observe(id)).toMatchObject({
      forwards: [...forwards, { ...declared, purpose: "declared" }],
    });
    await provider.update(spec, call);
    await provider.removePort(id, temporary, call.signal);
    expect(await rig.observe(id)).toMatchObject({ forwards });
    expect((await provider.exec(id, "grep -c friend .ssh/authorized_keys", {}, call)).stdout).toBe("0\n");

    // SIGKILL is no clean end.
    await rig.effects.processes.signal(await rig.pid(id), "SIGKILL");
    expect(await rig.until(id, "stopped")).toMatchObject({ clean: false, reason: "QEMU died" });

    // Keys changed while off reach the guest with the next ready; the port is the same again.
    spec = { ...spec, keys: [KEY], memory: 192 * MiB };
    await provider.update(spec, call);
    expect(await provider.start(spec, call)).toEqual({ ...started, disk: 256 * MiB });
    await provider.ready(spec, call);
    const after = await provider.exec(
      id,
      "grep -c friend .ssh/authorized_keys; awk '/MemTotal/ { print ($2 > 131072) }' /proc/meminfo",
      {},
      call,
    );
    expect(after.stdout).toBe("1\n1\n");

    // A poweroff from inside is a clean stop.
    await provider.exec(id, "poweroff", { asRoot: true }, call);
    expect(await rig.until(id, "stopped")).toMatchObject({ clean: true, reason: "powered off from inside" });

    await provider.start(spec, call);
    expect(await diagnosticsOf(provider.remove(id, {}))).toMatchObject([{ code: "qemu/still-running" }]);
    await provider.stop(id, { timeoutMs: 100 }, call);
    expect(rig.told.at(-1)).toBe("telling QEMU to quit");
    await provider.stop(id, { timeoutMs: 100 }, call);
    expect(await rig.observe(id)).toMatchObject({ state: "stopped", clean: true });

    const trash = {
      name: "web",
      lab: "demo",
      lineage: spec.lab.lineage,
      deletedAt: 1,
      reason: "destroy",
      record: { a: 1 },
    };
    await provider.remove(id, { trash });
    await provider.remove(id, { trash });
    await provider.forgetLab(spec.lab);
    expect(await rig.observe(id)).toEqual({ state: "absent" });
    expect(await provider.trash()).toEqual([{ ...trash, id, size: expect.any(Number) as unknown }]);
    await provider.restoreFromTrash(id);
    await provider.restoreFromTrash(id);
    expect(await provider.trash()).toEqual([]);
    await provider.start(spec, call);
    await provider.ready(spec, call);
    await provider.stop(id, { timeoutMs: 60_000 }, call);
    expect(rig.told.at(-1)).toBe("shutting down");
    await provider.remove(id, { trash });
    await provider.emptyTrash(id);
    expect(await rig.effects.files.list(rig.home.trash)).toEqual([]);
    expect(await rig.effects.files.list(rig.home.vms)).toEqual([]);
    expect(await rig.effects.files.list(rig.home.keys)).toEqual([]);
  });
});

/** Logs in with a password through OpenSSH's askpass, without any key. */
async function passwordLogin(id: string, password: string): Promise<string> {
  const access = await rig.provider.ssh(id);
  const askpass = join(rig.home.root, "askpass");
  await writeFile(askpass, '#!/bin/sh\necho "$VMLAB_TEST_PASSWORD"\n', { mode: 0o700 });
  const { IdentityFile: _, ...options } = access.options;
  const args = Object.entries({
    ...options,
    PubkeyAuthentication: "no",
    PreferredAuthentications: "password",
    NumberOfPasswordPrompts: "1",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  try {
    const { stdout } = await exec(
      "ssh",
      [
        "-F",
        "/dev/null",
        ...args,
        "-p",
        String(access.port),
        `${access.user}@${access.host}`,
        "echo in as $USER",
      ],
      {
        env: {
          ...process.env,
          SSH_ASKPASS: askpass,
          SSH_ASKPASS_REQUIRE: "force",
          VMLAB_TEST_PASSWORD: password,
        },
      },
    );
    return stdout.trim();
  } catch (error) {
    return String((error as { stderr?: string }).stderr).includes("Permission denied")
      ? "refused"
      : String(error);
  }
}
