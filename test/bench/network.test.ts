/** Throughput between two VMs of a lab network, beside a plain socket network of QEMU between the same two. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { nodeEffects } from "../../engine/effects-node.ts";
import { withQmp } from "../../providers/qemu/qmp.ts";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { median, report } from "./measure.ts";

const MIB = 8;
const ROUNDS = 5;
let lab: CliLab;

beforeAll(async () => {
  lab = await CliLab.create(`lab = { name = "speed" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
[networks]
n = { cidr = "10.42.0.0/24" }
[vms.vm]
count = 2
image = "tiny"
memory = "192MiB"
disk = "96MiB"
networks = [{ name = "n" }]
`);
  await lab.ok("apply", "--yes");
}, 600_000);
afterAll(() => lab.dispose());

test("a lab network carries at least half of what a plain socket network does", async () => {
  await addPlainNetwork();
  const ours: number[] = [];
  const plain: number[] = [];
  // In turns, so that whatever else goes on meets both.
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await throughput("10.42.0.3"));
    plain.push(await throughput("10.99.0.2"));
  }
  const [a, b] = [median(ours), median(plain)];
  report(
    `between two tiny guests: lab network ${a.toFixed(1)} MiB/s, plain socket network ${b.toFixed(1)} MiB/s: ratio ${(a / b).toFixed(2)} (limit 0.5); medians of ${ROUNDS}`,
  );
  expect(a / b).toBeGreaterThan(0.5);
}, 600_000);

/** A card more in each, hot-plugged: one listens, the other connects, as qemu(1) describes -netdev socket. */
async function addPlainNetwork(): Promise<void> {
  const port = await freePort();
  for (const [index, end] of ["listen", "connect"].entries()) {
    const name = `vm-${index + 1}`;
    const socket = join(lab.home, "vms", await lab.instance(name), "qmp.sock");
    await withQmp(nodeEffects(), socket, { timeoutMs: 30_000 }, async (qmp) => {
      await qmp.execute("netdev_add", { type: "socket", id: "plain", [end]: `127.0.0.1:${port}` });
      await qmp.execute("device_add", {
        driver: "virtio-net-pci",
        netdev: "plain",
        id: "plain-card",
        mac: `52:00:00:00:00:0${index + 1}`,
      });
    });
    await lab.guest(
      name,
      `i=0; while ! ip link show eth2 >/dev/null 2>&1; do sleep 0.5; i=$((i + 1)); [ $i -lt 60 ] || exit 1; done; ip link set eth2 up; ip addr add 10.99.0.${index + 1}/24 dev eth2`,
    );
  }
}

/** MiB/s from vm-1 to vm-2, as vm-1 counts them: the time until the other end has everything. */
async function throughput(to: string): Promise<number> {
  // A FIFO that is open for writing never ends: nc would tell the other side that it has nothing more to say.
  await lab.guest(
    "vm-2",
    "rm -f /tmp/open; mkfifo /tmp/open; (nc -l -p 5001 0<>/tmp/open | wc -c >/tmp/count; echo done >>/tmp/count) >/dev/null 2>&1 &",
  );
  const seconds = await lab.guest(
    "vm-1",
    `sleep 1; begun=$(cut -d ' ' -f 1 /proc/uptime); dd if=/dev/zero bs=64k count=${MIB * 16} 2>/dev/null | nc -w 20 ${to} 5001; ended=$(cut -d ' ' -f 1 /proc/uptime); echo $begun $ended`,
  );
  const [begun = 0, ended = 0] = seconds.split(" ").map(Number);
  expect(await lab.guest("vm-2", "cat /tmp/count")).toBe(`${MIB * 2 ** 20}\ndone`);
  return MIB / (ended - begun);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
