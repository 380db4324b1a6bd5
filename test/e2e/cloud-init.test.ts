/** A #cloud-config of the user's, joined to vmlab's by a real cloud-init; and an image that has none. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { longTest } from "../support/long-test.ts";

const MINUTE = 60_000;

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create("");
});
afterEach(() => lab.dispose());

const toml = (image: string, user: string, more: string) => `lab = { name = "first-boot" }
[images]
base = { path = "${image}", user = "${user}" }
[vms.web]
image = "base"
cloud_init = "web.yaml"
${more}
`;

longTest(
  "is carried out beside vmlab's own: lists appended, tables merged, values as cloud-init reads them",
  async () => {
    const image = await bookworm();
    // yes is true in the YAML that cloud-init reads.
    await lab.write(
      `#cloud-config
fqdn: web.example
users:
  - name: deploy
    gecos: Grüße
    groups: [adm]
    shell: /bin/bash
    lock_passwd: yes
write_files:
  - path: /etc/from-cloud-init
    permissions: "0640"
    content: |
      \${HOME} \${secrets.token} stay as they are
runcmd:
  - [sh, -c, "id deploy > /run/deploy"]
manage_etc_hosts: localhost
`,
      "web.yaml",
    );
    const more = `cpus = 2
memory = "512MiB"
disk = "3GiB"
login = { password = "correct horse" }
timeouts = { boot = "15m", cloud_init = "15m" }`;
    await lab.write(toml(image, "debian", more));
    await lab.ok("apply", "--yes");
    expect(await lab.guest("web", "cloud-init status")).toBe("status: done");
    expect(await lab.guest("web", "id -un; hostname; hostname -f")).toBe("debian\nweb\nweb.example");
    expect(await lab.guest("web", "getent passwd deploy | cut -d: -f5,7")).toBe("Grüße:/bin/bash");
    expect(await lab.guest("web", "cat /run/deploy")).toMatch(/^uid=\d+\(deploy\) .*4\(adm\)/);
    expect(
      await lab.guest("web", "sudo stat -c %a /etc/from-cloud-init; sudo cat /etc/from-cloud-init"),
    ).toBe("640\n${HOME} ${secrets.token} stay as they are");
    expect(await lab.guest("web", "sudo getent shadow debian | cut -c1-10")).toBe("debian:$6$");
    // The root file system was grown, which is vmlab's part.
    expect(Number(await lab.guest("web", "df --output=size -BM / | tail -1 | tr -dc 0-9"))).toBeGreaterThan(
      2500,
    );
    // It ends with 1 where it finds a fault.
    expect(await lab.guest("web", "sudo cloud-init schema --system 2>&1 || true")).toContain(
      "Valid cloud-config",
    );
    expect(await lab.changes()).toEqual([]);
  },
  60 * MINUTE,
);

test(
  "makes an image without cloud-init fail, instead of being passed over",
  async () => {
    const image = await tinyGuest();
    await lab.write("#cloud-config\npackages: [git]\n", "web.yaml");
    await lab.write(toml(image, "lab", 'memory = "128MiB"\ndisk = "96MiB"'));
    const { code, all } = await lab.run(["apply", "--yes"]);
    expect(code).toBe(1);
    expect(all).toContain("cloud-init failed in web: it is absent [qemu/cloud-init-failed]");
    expect(all).toContain("cloud_init names a file that nobody reads in this guest.");
  },
  10 * MINUTE,
);
