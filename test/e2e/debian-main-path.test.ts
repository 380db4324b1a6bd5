/**
 * The main job on a real Debian with real cloud-init: from lab.toml to a login, changes, drift, and away again. A start
 * of Debian takes nearly a minute: what tiny guests show as well is left to `make test-full`.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { FULL } from "../support/long-test.ts";

const MINUTE = 60_000;
const MORE = FULL ? "640MiB" : "512MiB";
let lab: CliLab;
let image: string;

const toml = (vm: string) => `lab = { name = "debian" }
[vars]
password = { sensitive = true, default = "correct horse" }
[secrets]
token = { pattern = "[a-z0-9]{24}" }
[images]
bookworm = { path = "${image}", user = "debian" }
[vms.web]
image = "bookworm"
cpus = 2
${vm}
login = { password = "\${vars.password}" }
env = { TOKEN = "\${secrets.token}" }
files = [{ content = "made by \${self.name}\\n", to = "/etc/made", mode = "0640" }]
run = ["printf %s \\"$TOKEN\\" > /root/token", "echo once >> /root/runs"]
ready = { command = "test -s /root/token" }
[outputs]
port = { value = "\${vms.web.ssh_port}" }
`;
const FIRST = 'memory = "512MiB"\ndisk = "3GiB"\nports = ["80"]';

const guest = (command: string) => lab.ok("exec", "web", "--", command);
/** The plan's lines for VMs and images, without numbers and estimates. */
const changes = (plan: string) =>
  plan
    .split("\n")
    .filter((line) => /^ {2}\d+ /.test(line))
    .map((line) =>
      line
        .replace(/^ *\d+ +/, "")
        .replace(/ +~\d.*$/, "")
        .replace(/ {2,}/g, "  "),
    );

beforeAll(async () => {
  image = await bookworm();
  lab = await CliLab.create("lab = { name = 'debian' }\n");
  await lab.write(toml(FIRST));
}, 20 * MINUTE);
afterAll(() => lab.dispose());

// One story in order: booting Debian under emulation is too dear to do it for each step.
test(
  "a Debian lab is made, changed, mended and removed",
  async () => {
    await step("is planned, applied and logged in to", async () => {
      expect(changes(await lab.ok("plan"))).toEqual([
        "+  secret.token  generate pattern  lab.toml:5",
        `+  image.bookworm  copy ${image}  lab.toml:7`,
        "+  vm.web  on bookworm, 2 vCPU, 512 MiB, disk 3 GiB  lab.toml:8  after 1, 2",
      ]);
      await lab.ok("apply", "--yes");
      expect((await guest("hostname")).trim()).toBe("web");
      expect((await guest("id -un")).trim()).toBe("debian");
      expect(await guest("sudo cat /etc/made; sudo stat -c '%a %U' /etc/made")).toBe(
        "made by web\n640 root\n",
      );
      expect(await guest("cloud-init status")).toContain("status: done");
      expect(await guest("sudo cat /root/token")).toMatch(/^[a-z0-9]{24}$/);
      // Only the hash of the password is in the guest, and it can be used.
      expect(await guest("sudo getent shadow debian")).toMatch(/^debian:\$6\$/);
      expect(await lab.ok("plan")).toContain("No changes.");
    });

    await step("gets a port and a bigger disk while it runs", async () => {
      const pid = await lab.pid("web");
      await lab.write(toml('memory = "512MiB"\ndisk = "4GiB"\nports = ["80", "8080"]'));
      expect(changes(await lab.ok("plan"))).toEqual([
        "~  vm.web  disk 3 GiB → 4 GiB, ports +8080 (grown in place)  lab.toml:8",
      ]);
      await lab.ok("apply", "--yes");
      expect(await lab.pid("web")).toBe(pid);
      expect(Number(await guest("df --output=size -BM / | tail -1 | tr -dc 0-9"))).toBeGreaterThan(3500);
      expect(await lab.ok("plan")).toContain("No changes.");
    });

    await step("restarts for more memory, with everything kept", async () => {
      if (!FULL) return;
      await lab.write(toml(`memory = "${MORE}"\ndisk = "4GiB"\nports = ["80", "8080"]`));
      expect(changes(await lab.ok("plan"))).toEqual([
        "~  vm.web  memory 512 MiB → 640 MiB (restart)  lab.toml:8",
      ]);
      await lab.ok("apply", "--yes");
      expect(Number(await guest("awk '/MemTotal/ { print $2 }' /proc/meminfo"))).toBeGreaterThan(560_000);
      // Provisioning was done before and is not done again.
      expect(await guest("sudo cat /root/runs")).toBe("once\n");
    });

    await step(
      "is replaced by a machine that boots with UEFI, and keeps the old disk in the trash",
      async () => {
        if (!FULL) return;
        const before = await lab.instance("web");
        await lab.write(toml(`memory = "${MORE}"\ndisk = "4GiB"\nports = ["80", "8080"]\nfirmware = "uefi"`));
        const plan = await lab.ok("plan");
        expect(changes(plan)).toEqual(["±  vm.web  firmware bios → uefi  lab.toml:8"]);
        expect(plan).toContain("Data loss: vm.web disk (4 GiB). Kept in the trash for 7 days.");
        await lab.ok("apply", "--yes");
        expect(await guest("test -d /sys/firmware/efi && hostname")).toBe("web\n");
        expect(await lab.instance("web")).not.toBe(before);
        expect(await readdir(join(lab.home, "trash"))).toEqual([before]);
        expect(await lab.machines()).toHaveLength(1);
      },
    );

    await step("is found dead after a kill", async () => {
      if (!FULL) return;
      process.kill(await lab.pid("web"), "SIGKILL");
      expect(changes(await lab.ok("plan"))[0]).toMatch(/^! {2}vm\.web|^[~>+] {2}vm\.web/);
      await lab.ok("apply", "--yes");
      expect((await guest("hostname")).trim()).toBe("web");
    });

    await step("is left off after a poweroff from inside", async () => {
      await lab.run(["exec", "web", "--", "sudo systemctl poweroff"]);
      for (
        const deadline = Date.now() + 2 * MINUTE;
        (await lab.machines()).length > 0 && Date.now() < deadline;
      ) {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const plan = await lab.ok("plan");
      expect(plan).toContain("No changes");
      expect(plan).toContain("powered off from inside");
    });

    await step("tells no secret, and goes without a trace outside of trash and store", async () => {
      const state = JSON.parse(await lab.ok("state", "pull")) as {
        resources: Record<string, { attributes: { value?: string } }>;
      };
      const token = state.resources["secret.token"]?.attributes.value ?? "";
      expect(token).toMatch(/^[a-z0-9]{24}$/);
      expect((await stat(join(lab.folder, ".vmlab", "state.json"))).mode & 0o777).toBe(0o600);
      const plan = await lab.ok("plan", "--json", "--destroy");
      for (const secret of [token, "correct horse"]) expect(plan).not.toContain(secret);
      await lab.ok("destroy", "--yes");
      expect(await lab.machines()).toEqual([]);
      expect(await readdir(join(lab.folder, ".vmlab"))).toEqual(["history"]);
      expect(await readdir(join(lab.home, "vms"))).toEqual([]);
      expect(await readdir(join(lab.home, "trash"))).toHaveLength(FULL ? 2 : 1);
      expect(await readdir(join(lab.home, "labs"))).toEqual([]);
    });
  },
  30 * MINUTE,
);

/** Names the part of the story in which something went wrong. */
async function step(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`a Debian lab ${name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
