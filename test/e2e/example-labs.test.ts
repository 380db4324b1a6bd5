/**
 * The examples that are clusters, from one apply each on the bootstrapped Debian image. They take the better part of an
 * hour under emulation, so only on request (make test-full).
 */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";

const MINUTE = 60_000;
const examples = join(import.meta.dirname, "../../examples");
let lab: CliLab | undefined;

afterEach(async () => {
  await lab?.dispose();
  lab = undefined;
});

/** The example as it is, but for the image, which was bootstrapped before. */
async function example(name: string): Promise<CliLab> {
  const text = await readFile(join(examples, name, "lab.toml"), "utf8");
  const made = await CliLab.create("");
  lab = made;
  await cp(join(examples, name), made.folder, { recursive: true });
  const image = `bookworm = { path = "${await bookworm()}", user = "debian", os = "debian-12" }`;
  const changed = text.replace(/^bookworm = .*$/m, image);
  expect(changed).not.toBe(text);
  await made.write(changed);
  return made;
}

longTest(
  "web and database: the data outlives the machine that it was written on",
  async () => {
    const { ok, guest } = bound(await example("web-and-db"));
    await ok("apply", "--yes");
    expect(await ok("plan")).toContain("No changes.");
    expect(await guest("web", "curl -fs localhost")).toBe("The database has run on 1 machines.");
    // Members reach the package mirror beside their network.
    await guest("db", "sudo apt-get -q update");
    await ok("apply", "--yes", "--replace", "vm.db");
    const count = "sudo -u postgres psql -At shop -c 'SELECT count(*) FROM machines'";
    expect(await guest("db", count)).toBe("2");
    expect(await guest("web", "getent hosts db")).toContain("10.61.0.");
  },
  60 * MINUTE,
);

longTest(
  "observability: node exporters are scraped by Prometheus on a third VM",
  async () => {
    const { ok, guest } = bound(await example("observability"));
    await ok("apply", "--yes");
    expect(await ok("plan")).toContain("No changes.");
    const query = "curl -fs 'localhost:9090/api/v1/query?query=count(node_boot_time_seconds)'";
    expect(await guest("mon", query)).toContain('"2"');
    // It goes on when a member is made anew: the address and the name stay.
    await ok("apply", "--yes", "--replace", "vm.app-node-2");
    expect(
      await guest("mon", "getent hosts app-node-2 && curl -fs app-node-2:9100/metrics | head -n 1"),
    ).toContain("# HELP");
  },
  60 * MINUTE,
);

longTest(
  "etcd: three members elect a leader, and containers reach those of other nodes",
  async () => {
    const { ok, guest } = bound(await example("etcd"));
    await ok("apply", "--yes");
    expect(await ok("plan")).toContain("No changes.");
    const members = await guest("etcd-node-1", "ETCDCTL_API=3 etcdctl member list | grep -c started");
    expect(members).toBe("3");
    await guest("etcd-node-1", "ETCDCTL_API=3 etcdctl put lab works");
    expect(await guest("etcd-node-3", "ETCDCTL_API=3 etcdctl get --print-value-only lab")).toBe("works");

    const container = (options: string, name: string, command: string) =>
      `sudo sh -c 'mkdir -p /var/lib/box/bin && cp /bin/busybox /var/lib/box/bin/ && ctr run ${options} --cni --runc-systemd-cgroup --cgroup system.slice:vmlab:${name} --rootfs /var/lib/box ${name} /bin/busybox sh -c "${command}"'`;
    const serve = "while :; do echo across | /bin/busybox nc -l -p 80; done";
    await guest("etcd-node-1", container("-d", "web", serve));
    const ask = "sleep 5 | /bin/busybox nc -w 20 10.200.1.2 80";
    expect(await guest("etcd-node-2", container("--rm", "ask", ask))).toContain("across");
  },
  90 * MINUTE,
);

function bound(one: CliLab) {
  return {
    ok: (...args: string[]) => one.ok(...args),
    guest: (vm: string, command: string) => one.guest(vm, command),
  };
}
