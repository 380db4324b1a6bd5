/** A lab whose VM stands on a role that Packer really builds: from nothing to a login, and what a plan then says. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";

const MINUTE = 60_000;
let lab: CliLab;
let image: string;

const toml = () => `lab = { name = "roles", image = "bookworm" }
[images]
bookworm = { path = "${image}", user = "debian", os = "debian-12" }
[roles.tools]
packages = ["tree"]
scripts = ["tools.sh"]
disk = "3GiB"
verify = ["tree --version", "test -s /etc/tools"]
[vms.web]
role = "tools"
firmware = "uefi"
memory = "512MiB"
disk = "4GiB"
run = ["cat /etc/tools > /root/seen"]
`;
const SCRIPT = "#!/bin/sh\nset -eu\necho one > /etc/tools\n";

/** The plan's lines for images and VMs, without numbers, places and estimates. */
const changes = (plan: string) =>
  plan
    .split("\n")
    .filter((line) => /^ {2}\d+ /.test(line))
    .map((line) =>
      line
        .replace(/^ *\d+ +/, "")
        .replace(/ +lab\.toml:.*$/, "")
        .replace(/ {2,}/g, "  "),
    );
const guest = (command: string) => lab.ok("exec", "web", "--", command);

beforeAll(async () => {
  image = await bookworm();
  lab = await CliLab.create("lab = { name = 'roles' }\n");
  await lab.write(SCRIPT, "tools.sh");
  await lab.write(toml());
}, 20 * MINUTE);
afterAll(() => lab.dispose());

test(
  "a role is built, its VM has what it installs, and a plan knows what a change of it means",
  async () => {
    expect(changes(await lab.ok("plan"))).toEqual([
      `+  image.bookworm  copy ${image}`,
      "+  role.tools  build on image.bookworm, 2 steps",
      "+  vm.web  on tools, 1 vCPU, 512 MiB, disk 4 GiB",
    ]);
    await lab.ok("apply", "--yes");
    expect(await guest("tree --version && sudo cat /root/seen && hostname")).toMatch(
      /^tree v.*\none\nweb\n$/s,
    );
    // Built on a machine with BIOS, it boots with UEFI as well.
    await guest("test -d /sys/firmware/efi");
    // What belongs to one machine is the VM's own.
    expect((await guest("cat /etc/machine-id")).trim()).toMatch(/^[0-9a-f]{32}$/);
    expect(await guest("sudo cat /root/.ssh/authorized_keys 2>/dev/null; true")).toBe("");

    const again = await lab.ok("plan");
    expect(again).toContain("No changes.");
    const lock = JSON.parse(await readFile(join(lab.folder, "vmlab.lock"), "utf8")) as object;
    expect(lock).toMatchObject({ roles: { tools: { source: "build", recipe: 1 } } });

    // A changed line: the role is rebuilt and its VM replaced, and the plan shows the line.
    await lab.write(SCRIPT.replace("one", "two"), "tools.sh");
    const changed = await lab.ok("plan");
    expect(changes(changed)).toEqual([
      "±  role.tools  rebuild on image.bookworm, 2 steps  ← tools.sh changed (+1 −1)",
      "±  vm.web  replace  ← role.tools",
    ]);
    expect(changed).toContain("-echo one > /etc/tools\n");
    expect(changed).toContain("+echo two > /etc/tools\n");
    await lab.write(SCRIPT, "tools.sh");
    expect(await lab.ok("plan")).toContain("No changes.");

    await lab.ok("destroy", "--yes");
    // The image stays in the store: a new lab on the same recipe builds nothing.
    expect(changes(await lab.ok("plan"))).toEqual([
      "+  image.bookworm  already in the store",
      "+  role.tools  already in the store",
      "+  vm.web  on tools, 1 vCPU, 512 MiB, disk 4 GiB",
    ]);
  },
  30 * MINUTE,
);
