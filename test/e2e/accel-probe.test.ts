/** The accelerator probe on this host's QEMU. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../engine/effects-node.ts";
import { homeFrom } from "../../engine/home.ts";
import { probeAccel, probeArguments } from "../../providers/qemu/accel-probe.ts";
import { PROBE_EXIT_CODE, probeDisk } from "../../providers/qemu/probe-disk.ts";

describe("the accelerator probe", () => {
  test("runs a guest that reaches long mode and says so", async () => {
    const folder = await mkdtemp(join(tmpdir(), "vq-"));
    try {
      await writeFile(join(folder, "probe.img"), probeDisk());
      const { code, stderr } = await nodeEffects().processes.run(
        "qemu-system-x86_64",
        probeArguments("tcg", join(folder, "probe.img")),
        { timeoutMs: 60_000, ownGroup: true },
      );
      expect({ code, stderr }).toEqual({ code: PROBE_EXIT_CODE, stderr: "" });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("answers quickly with a reason, and from its cache the second time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "vq-"));
    try {
      const home = homeFrom({ VMLAB_HOME: folder });
      const since = Date.now();
      const finding = await probeAccel(nodeEffects(), home);
      expect(Date.now() - since).toBeLessThan(8_000);
      expect(finding.accel).toBe(finding.accelerated ? "kvm" : "tcg");
      expect(finding.reason).not.toBe("");
      const again = Date.now();
      expect(await probeAccel(nodeEffects(), home)).toEqual(finding);
      expect(Date.now() - again).toBeLessThan(200);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
