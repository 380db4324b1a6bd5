/** How long vmlab takes to make a clone of a Debian VM, beside a copy of its disk with qemu-img. */
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { median, report } from "./measure.ts";

const CLONES = 5;

test("a clone of a Debian VM takes under half a second", async () => {
  const lab = await CliLab.create(`lab = { name = "clones" }
[images]
bookworm = { path = "${await bookworm()}", user = "debian" }
[templates.off]
power = "stopped"
disk = "4GiB"
[vms.web]
image = "bookworm"
template = "off"
`);
  try {
    await lab.ok("apply", "--yes");
    const disk = join(lab.home, "vms", await lab.instance("web"), "disk-0.qcow2");
    // As much as a guest may have written; nobody boots it.
    execFileSync("qemu-io", ["-c", "write -P 7 1G 512M", disk]);
    const written = statSync(disk).blocks * 512;
    const base = await lab.read("lab.toml");
    const own: number[] = [];
    const whole: number[] = [];
    for (let number = 1; number <= CLONES; number++) {
      await lab.write(`${await lab.read("lab.toml")}[vms.copy-${number}]\ntemplate = "off"\nclone = "web"\n`);
      const begun = Date.now();
      const events = (await lab.ok("apply", "--yes", "--json")).trim().split("\n");
      whole.push(Date.now() - begun);
      for (const line of events) {
        const event = JSON.parse(line) as { type: string; operation?: { id: string }; durationMs?: number };
        if (event.type === "operation-finished" && event.operation?.id === `vm.copy-${number}:create`)
          own.push(event.durationMs ?? 0);
      }
    }
    expect(own).toHaveLength(CLONES);
    await lab.write(base);
    const copy = join(lab.root, "full.qcow2");
    const source = join(lab.home, "vms", await lab.instance("copy-1"), "disk-0.qcow2");
    const begun = Date.now();
    execFileSync("qemu-img", ["convert", "-O", "qcow2", source, copy]);
    const convert = Date.now() - begun;
    report(
      `clone of a Debian VM with ${(written / 2 ** 20).toFixed(0)} MiB of its own: ${median(own).toFixed(0)} ms, ` +
        `vmlab as a whole ${median(whole).toFixed(0)} ms; qemu-img convert of its disk ${convert} ms: ratio ${(median(own) / convert).toFixed(3)}`,
    );
    expect(median(own)).toBeLessThan(500);
  } finally {
    await lab.dispose();
  }
}, 900_000);
