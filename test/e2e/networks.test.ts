/** An environment on one network, of tiny guests: names, addresses and traffic through the life of its members. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";

let lab: CliLab;
let tiny: string;
let server: Server;

beforeEach(async () => {
  tiny = await tinyGuest();
  lab = await CliLab.create("");
  server = createServer((_request, response) => response.end("outside"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.close();
  await lab.dispose();
});

function toml(options: { workers: number; internet?: boolean; memory?: string }): string {
  return `lab = { name = "net" }
[images]
tiny = { path = "${tiny}", user = "lab" }
[networks]
cluster = { cidr = "10.42.0.0/24", internet = ${options.internet ?? true} }
[environments.k]
defaults = { image = "tiny", memory = "128MiB", disk = "96MiB", networks = [{ name = "cluster" }] }
[environments.k.vms.cp]
networks = [{ name = "cluster", ip = "10.42.0.10" }]
env = { PEER = "\${members.worker[0].ip}" }
run = ["echo $PEER > /home/lab/peer"]
[environments.k.vms.worker]
count = ${options.workers}
memory = "${options.memory ?? "128MiB"}"
[outputs]
cp = { value = "\${vms.k_cp.ip}" }
`;
}

/** Pings each name once from a VM; fails with what ping said. */
async function pings(from: string, ...names: string[]): Promise<void> {
  const each = names.map((name) => `ping -c 1 -w 10 ${name} >/tmp/ping 2>&1 || { cat /tmp/ping; exit 1; }`);
  await lab.guest(from, each.join("; "));
}

const names = async (from: string) =>
  (await lab.guest(from, "sed -n '/^# vmlab/,/^# vmlab: end/p' /etc/hosts")).split("\n").slice(1, -1);

test("members know and reach each other while others restart, are replaced, come and go", async () => {
  await lab.write(toml({ workers: 2 }));
  expect(await lab.changes()).toEqual([
    expect.stringMatching(/^\+ {2}image\.tiny {2}copy/),
    "+  network.cluster  10.42.0.0/24  lab.toml:5",
    "+  vm.k-cp  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:8  after 1, 2",
    "+  vm.k-worker-1  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:12  after 1, 2",
    "+  vm.k-worker-2  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:12  after 1, 2",
  ]);
  expect(await lab.ok("apply", "--yes")).toContain('cp = "10.42.0.10"');
  expect(await lab.changes()).toEqual([]);
  expect(await lab.guest("k-cp", "cat /home/lab/peer")).toBe("10.42.0.2");
  expect(await names("k-worker-1")).toEqual([
    "10.42.0.10 k-cp.net k-cp cp",
    "10.42.0.2 k-worker-1.net k-worker-1 worker-1",
    "10.42.0.3 k-worker-2.net k-worker-2 worker-2",
  ]);
  await pings("k-cp", "worker-1", "k-worker-2", "k-worker-2.net");
  await pings("k-worker-1", "cp", "worker-2");
  await pings("k-worker-2", "cp", "worker-1");
  const { port } = server.address() as AddressInfo;
  // The host's loopback interface, as a user-mode network shows it to the guest, stands for everything outside.
  const outside = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 10.0.2.2 ${port}`;
  expect(await lab.guest("k-worker-1", outside)).toMatch(/outside$/);

  // Traffic between two of them flows on, whatever happens to the third.
  await lab.guest("k-worker-1", "(ping -i 0.2 cp >/home/lab/traffic 2>&1 & echo $! >/home/lab/ping.pid)");
  const kept = [await lab.pid("k-cp"), await lab.pid("k-worker-1")];
  await lab.ok("restart", "k-worker-2");
  await pings("k-worker-2", "cp", "worker-1");
  await lab.ok("apply", "--yes", "--replace", "vm.k-worker-2");
  await pings("k-worker-2", "cp", "worker-1");
  expect(await lab.changes()).toEqual([]);

  await lab.write(toml({ workers: 3 }));
  expect(await lab.changes()).toEqual([
    "~  network.cluster  names +k-worker-3 (live)  lab.toml:5",
    "+  vm.k-worker-3  on tiny, 1 vCPU, 128 MiB, disk 96 MiB  lab.toml:12  after 1",
  ]);
  await lab.ok("apply", "--yes");
  expect(await names("k-cp")).toContain("10.42.0.4 k-worker-3.net k-worker-3 worker-3");
  await pings("k-worker-3", "cp", "worker-1", "worker-2");
  await pings("k-worker-1", "worker-3");

  await lab.write(toml({ workers: 1 }));
  await lab.ok("apply", "--yes");
  expect(await names("k-cp")).toEqual([
    "10.42.0.10 k-cp.net k-cp cp",
    "10.42.0.2 k-worker-1.net k-worker-1 worker-1",
  ]);
  expect([await lab.pid("k-cp"), await lab.pid("k-worker-1")]).toEqual(kept);
  const traffic = await lab.guest(
    "k-worker-1",
    "kill -INT $(cat /home/lab/ping.pid); sleep 1; cat /home/lab/traffic",
  );
  const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(traffic) ?? [];
  expect(Number(sent)).toBeGreaterThan(50);
  // A guest that is short of the CPU answers late, and none is lost.
  expect(Number(received)).toBeGreaterThanOrEqual(Number(sent) - 2);

  // ---- cut off from the internet, not from each other
  await lab.write(toml({ workers: 1, internet: false }));
  await lab.ok("apply", "--yes");
  await pings("k-cp", "worker-1");
  expect((await lab.run(["exec", "k-worker-1", "--", outside])).stdout).toBe("");
  expect(await lab.changes()).toEqual([]);

  await lab.ok("destroy", "--yes");
  expect(await lab.list("networks")).toEqual([]);
  expect(await lab.machines()).toEqual([]);
}, 600_000);
