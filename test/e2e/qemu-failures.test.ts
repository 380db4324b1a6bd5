/** What the QEMU provider says of real machines that fail: guests, ports and disks. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { vmFolder } from "../../providers/qemu/vm-folder.ts";
import { diagnosticsOf, type ProviderRig, providerRig } from "../support/guests/provider-rig.ts";
import { tinyGuest, unbootableGuest } from "../support/guests/tiny.ts";

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

  test("fails with cloud-init's own report, and tells a kernel panic at once", async () => {
    const { provider, call } = rig;
    const spec = rig.spec();
    await provider.create(spec, call);
    await provider.start(spec, call);
    await provider.ready(spec, call);
    const put = (to: string, text: string): Promise<void> =>
      provider.provision(
        spec,
        { kind: "file", label: to, to, mode: "0755", owner: "root:root", content: Buffer.from(text) },
        call,
      );
    await put("/bin/cloud-init", "#!/bin/sh\n");
    await put("/run/cloud-init/status.json", '{"v1": {"modules-final": {"errors": []}}}\n');
    await put(
      "/run/cloud-init/result.json",
      `{"v1": {"errors": ["('scripts-user', RuntimeError('1 failed'))"]}}\n`,
    );
    await put(
      "/var/log/cloud-init.log",
      "12:00 DEBUG fine\n12:01 WARNING Failed to run module scripts-user\n",
    );
    await put("/var/log/cloud-init-output.log", "/var/lib/cloud/runcmd: 2: nonsense: not found\n");
    expect(await diagnosticsOf(provider.ready(spec, call))).toEqual([
      {
        severity: "error",
        code: "qemu/cloud-init-failed",
        address: "vm.web",
        summary: "cloud-init failed in web: module scripts-user",
        detail: [
          "Errors:",
          "  ('scripts-user', RuntimeError('1 failed'))",
          "From /var/log/cloud-init.log:",
          "  12:01 WARNING Failed to run module scripts-user",
          "/var/log/cloud-init-output.log ends with:",
          "  /var/lib/cloud/runcmd: 2: nonsense: not found",
        ].join("\n"),
        hint: "Look inside: vmlab ssh web -- sudo tail -n 50 /var/log/cloud-init-output.log",
      },
    ]);
    const [panic] = await diagnosticsOf(
      provider.provision(
        spec,
        { kind: "run", label: "run", command: "echo c >/proc/sysrq-trigger; sleep 100" },
        call,
      ),
    );
    expect(panic?.code).toBe("qemu/machine-gone");
    expect(panic?.summary).toContain("Kernel panic - not syncing: sysrq triggered crash");
    expect(panic?.detail).toContain("The serial console ends with:");
  });

  test("names who holds a declared port, and takes another when the chosen one of last time is gone", async () => {
    const { provider, call } = rig;
    const server = createServer();
    const taken = await listen(server);
    try {
      const declared = rig.spec({
        ports: [{ address: "127.0.0.1", host: taken, guest: 80, protocol: "tcp" }],
      });
      await provider.create(declared, call);
      const [refused] = await diagnosticsOf(provider.start(declared, call));
      expect(refused).toMatchObject({
        code: "qemu/port-taken",
        address: "vm.web",
        summary: `host port 127.0.0.1:${taken}/tcp for web cannot be bound`,
      });
      expect(refused?.detail).toMatch(
        new RegExp(`^(It is held by .+ \\(pid ${process.pid}\\)|Another program holds it.*)\\.$`),
      );
      expect(await rig.observe(declared.id)).toMatchObject({ state: "stopped", clean: false });

      const spec = {
        ...declared,
        ports: [{ address: "127.0.0.1", host: 0, guest: 80, protocol: "tcp" } as const],
      };
      const runtime = vmFolder(rig.home, spec.id).runtime;
      await provider.start(spec, call);
      await provider.stop(spec.id, { timeoutMs: 0, force: true }, call);
      // As if last time's port were the one that is taken now.
      const record = JSON.parse(await rig.effects.files.readText(runtime)) as {
        forwards: { guest: number; host: number }[];
      };
      for (const forward of record.forwards) if (forward.guest === 80) forward.host = taken;
      await writeFile(runtime, JSON.stringify(record));
      const { ports } = (await provider.start(spec, call)) as { ports: Record<string, number> };
      expect(ports["80"]).toBeGreaterThan(0);
      expect(ports["80"]).not.toBe(taken);
      expect(await diagnosticsOf(provider.update(declared, call))).toMatchObject([
        { code: "qemu/port-taken" },
      ]);
    } finally {
      server.close();
    }
  });
});

test("a disk that never boots ends in evidence after its deadline", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vq-"));
  const unbootable = await providerRig(await unbootableGuest(folder));
  try {
    const { provider, call } = unbootable;
    const base = unbootable.spec();
    const spec = { ...base, timeouts: { ...base.timeouts, bootMs: 500 } };
    await provider.create(spec, call);
    await provider.start(spec, call);
    const [failure] = await diagnosticsOf(provider.ready(spec, call));
    expect(failure).toMatchObject({
      code: "qemu/not-ready-boot",
      address: "vm.web",
      hint: "See how far it boots: vmlab logs web. A slow host may need a longer timeouts.boot.",
    });
    expect(failure?.summary).toMatch(
      /^web did not get ready: waiting for the SSH banner took longer than \d+ s$/,
    );
    expect(failure?.detail).toBe(
      "No SSH server answered.\nThe serial console is empty: nothing on the disk wrote to it, perhaps because nothing booted.",
    );
    // It is kept for a look.
    expect(await unbootable.observe(spec.id)).toMatchObject({ state: "running" });
    expect(await provider.consoleLog(spec.id, 5)).toEqual([]);
  } finally {
    await unbootable.dispose();
    await rm(folder, { recursive: true, force: true });
  }
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
