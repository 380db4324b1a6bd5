/** Clones of a real Debian: nothing of the source's identity is left, cloud-init has run anew, the data are there. */
import { afterAll, expect } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";

let lab: CliLab | undefined;
afterAll(() => lab?.dispose());

/** What tells a guest from another, by name. */
const IDENTITY = `
echo hostname $(hostname)
echo machine-id $(cat /etc/machine-id)
echo dbus-id $(cat /var/lib/dbus/machine-id 2>/dev/null || cat /etc/machine-id)
echo host-key $(sudo cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub)
echo instance $(cat /var/lib/cloud/data/instance-id)
echo mac $(ip -o link | grep -o 'ether [0-9a-f:]*' | cut -d ' ' -f 2 | tail -n 1)
echo address $(ip -4 -o addr show | grep -o '10\\.42\\.0\\.[0-9]*/' | head -n 1)
echo journal $(sudo ls /run/log/journal /var/log/journal 2>/dev/null | grep -c $(cat /etc/machine-id))`;

async function identity(vm: string): Promise<Record<string, string>> {
  const text = await (lab as CliLab).guest(vm, IDENTITY);
  return Object.fromEntries(text.split("\n").map((line) => line.split(" ", 2) as [string, string]));
}

longTest(
  "a running Debian and its clones run side by side with nothing of their identity in common",
  async () => {
    const image = await bookworm();
    lab = await CliLab.create(`lab = { name = "debian-clones" }
[images]
bookworm = { path = "${image}", user = "debian" }
[networks]
net = { cidr = "10.42.0.0/24" }
[vms.web]
image = "bookworm"
memory = "512MiB"
disk = "3GiB"
networks = [{ name = "net" }]
run = ["echo of the source > /srv/data"]
`);
    await lab.ok("apply", "--yes");
    await lab.ok("clone", "web", "copy", "--disk", "4GiB", "--yes");
    expect(await lab.guest("copy", "cat /srv/data")).toBe("of the source");
    const [web, copy] = [await identity("web"), await identity("copy")];
    expect([web.hostname, web.address]).toEqual(["web", "10.42.0.2/"]);
    expect([copy.hostname, copy.address]).toEqual(["copy", "10.42.0.3/"]);
    expect(copy.instance).toBe(`vmlab-${await lab.instance("copy")}`);
    expect(copy["dbus-id"]).toBe(copy["machine-id"]);
    expect(Number(copy.journal)).toBeGreaterThan(0);
    for (const part of ["hostname", "machine-id", "host-key", "instance", "mac", "address"])
      expect(`${part} ${copy[part]}`).not.toBe(`${part} ${web[part]}`);
    // Its disk was asked for bigger, and its file system knows.
    expect(
      Number(await lab.guest("copy", "df --output=size -BM / | tail -n 1 | tr -dc 0-9")),
    ).toBeGreaterThan(3500);
    expect(await lab.guest("copy", "cloud-init status")).toContain("done");
    await lab.guest("copy", "ping -c 1 -w 20 web");

    // A clone of the clone, which is off; then the others go.
    await lab.ok("stop", "copy");
    await lab.ok("clone", "copy", "third", "--yes");
    const third = await identity("third");
    expect(third["machine-id"]).not.toBe(copy["machine-id"]);
    await lab.ok("delete", "web", "copy", "--force", "--yes");
    await lab.ok("trash", "empty", "--yes");
    await lab.ok("restart", "third");
    expect(await lab.guest("third", "cat /srv/data")).toBe("of the source");
    expect(await identity("third")).toEqual(third);
    expect(await lab.ok("plan")).toContain("No changes.");

    // What tiny guests do, Debian does: it goes on in the middle of what it did, from memory on the disk.
    await lab.guest(
      "third",
      "setsid sh -c 'echo $$ > ~/pid; exec sleep 100000' </dev/null >/dev/null 2>&1 &",
    );
    await lab.ok("snapshot", "create", "third", "--name", "then");
    await lab.guest("third", "echo later | sudo tee /srv/data");
    await lab.ok("snapshot", "restore", "third", "--name", "then", "--yes");
    expect(await lab.guest("third", "kill -0 $(cat ~/pid) && cat /srv/data")).toBe("of the source");
    await lab.ok("suspend", "third");
    expect(await lab.machines()).toEqual([]);
    await lab.ok("resume", "third");
    await lab.guest("third", "kill -0 $(cat ~/pid)");
    const now = Number(await lab.guest("third", "date +%s"));
    expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(20);
    expect(await lab.ok("plan")).toContain("No changes.");
  },
  3_600_000,
);
