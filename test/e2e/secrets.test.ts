/** A whole run on the tiny guest, watched from outside and inside, and then a search of everything that it left. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { heldIn, hunt, keyLines, type Secrets } from "../support/secret-hunt.ts";

let lab: CliLab;
beforeEach(async () => {
  lab = await CliLab.create("");
});
afterEach(() => lab.dispose());

const PIN = "correct horse battery";

const toml = (tiny: string, last: string) => `lab = { name = "leaks" }
[images]
tiny = { path = "${tiny}", user = "lab" }
[vars]
pin = { type = "string", sensitive = true }
[secrets]
password = {}
token = { pattern = "[a-z0-9]{24}" }
ca = { kind = "ca" }
[vms.web]
image = "tiny"
memory = "128MiB"
disk = "96MiB"
login = { password = "\${secrets.password}" }
env = { TOKEN = "\${secrets.token}", PIN = "\${vars.pin}" }
files = [
  { content = "\${secrets.ca.key}", to = "/root/ca.key", mode = "0600" },
  { from = "watch.sh", to = "/root/watch.sh", mode = "0755" },
]
scripts = ["leak.sh"]
run = ["echo \${secrets.token} '\${vars.pin}'; cat /root/ca.key", ${last}]
ready = { command = "test \${secrets.token} = $TOKEN" }
[outputs]
token = { value = "\${secrets.token}" }
`;

/** Writes down the arguments of every process in the guest, again and again. */
const WATCH = `#!/bin/sh
i=0
while [ $i -lt 3000 ]; do
  cat /proc/[0-9]*/cmdline >>/root/processes 2>/dev/null
  i=$((i + 1))
done
`;
const LEAK = `#!/bin/sh
/root/watch.sh >/dev/null 2>&1 </dev/null &
sleep 1
env
cat /root/ca.key >&2
sleep 2
`;

/** The arguments of all processes of the host, collected until `stop` is called. */
function watchProcesses(): { stop: () => Promise<string> } {
  const seen = new Set<string>();
  let going = true;
  const done = (async () => {
    while (going) {
      for (const pid of await readdir("/proc")) {
        if (!/^[0-9]+$/.test(pid)) continue;
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        if (command !== "") seen.add(command.replaceAll("\0", " "));
      }
    }
  })();
  return {
    stop: async () => {
      going = false;
      await done;
      return [...seen].join("\n");
    },
  };
}

test("no secret is in any process list, log, plan, event, record or image of a run; the state is closed to others", async () => {
  const tiny = await tinyGuest();
  await lab.write(WATCH, "watch.sh");
  await lab.write(LEAK, "leak.sh");
  await lab.write(toml(tiny, '"echo failing; exit 7"'));
  const told: string[] = [];
  const vmlab = async (...args: string[]): Promise<number | null> => {
    const { code, all } = await lab.run(args, { env: { VMLAB_VAR_pin: PIN } });
    told.push(`vmlab ${args.join(" ")}\n${all}`);
    return code;
  };
  const host = watchProcesses();
  let processes = "";
  try {
    const saved = join(lab.root, "saved.plan");
    expect(await vmlab("plan", "-o", saved, "--details")).toBe(0);
    expect(await vmlab("apply", saved, "--json")).toBe(1);
    expect(told.at(-1)).toContain('"code":"qemu/step-failed"');
    expect(await vmlab("logs", "web", "--provision")).toBe(0);
    expect(told.at(-1)).toMatch(/ {2}\| failing\n {2}failed after \S+, exit code 7\n$/);
    await lab.write(toml(tiny, '"echo fine"'));
    expect(await vmlab("apply", "--yes")).toBe(0);
    expect(await vmlab("plan", "--json")).toBe(0);
  } finally {
    processes = await host.stop();
  }
  const provisioning = await lab.ok("logs", "web", "--provision", "-n", "1000");
  // What a script prints is there, without what is secret in it.
  expect(provisioning).toContain("  | TOKEN=(sensitive)\n");
  expect(provisioning).toContain("  | PIN=(sensitive)\n");
  for (const args of [
    ["show", "--json"],
    ["ops", "--json"],
    ["logs", "web"],
    ["state", "show", "vm.web"],
    ["output"],
  ])
    expect([args, await vmlab(...args)]).toEqual([args, 0]);

  const state = JSON.parse(await lab.ok("state", "pull")) as {
    resources: Record<string, { attributes: Record<string, string> }>;
  };
  const of = (name: string, attribute = "value") =>
    state.resources[`secret.${name}`]?.attributes[attribute] ?? "";
  const secrets: Secrets = {
    pin: PIN,
    password: of("password"),
    token: of("token"),
    ...keyLines("ca", of("ca", "key")),
  };
  expect(Object.keys(secrets).length).toBe(6);
  expect(Object.values(secrets).every((value) => value.length >= 20)).toBe(true);

  // They arrived.
  expect((await lab.guest("web", "cat /root/ca.key")).split("\n")[1]).toBe(secrets["ca, line 1"]);

  told.push(provisioning);
  expect(
    told.flatMap((text) => heldIn(text, secrets).map((name) => `${text.split("\n")[0]}: ${name}`)),
  ).toEqual([]);
  expect(processes).toContain("qemu-system-x86_64");
  expect(processes).toContain("StrictHostKeyChecking");
  expect(heldIn(processes, secrets)).toEqual([]);
  const inside = await lab.guest("web", "cat /root/processes | tr '\\0' ' '");
  expect(inside).toContain("/root/watch.sh");
  expect(inside).toContain("vmlab");
  expect(heldIn(inside, secrets)).toEqual([]);
  const left =
    "cat /var/log/* /tmp/* /tmp/.[a-z]* /var/tmp/* /var/tmp/*/* /run/udhcpc 2>/dev/null; dmesg; true";
  expect(heldIn(await lab.guest("web", left), secrets)).toEqual([]);
  // QEMU lives on with the environment it was started with.
  const environment = await readFile(`/proc/${await lab.pid("web")}/environ`, "utf8");
  expect(environment).toContain("VMLAB_HOME=");
  expect(heldIn(environment, secrets)).toEqual([]);

  // The guest's own disk holds what was put there.
  const states = /^(lab\/\.vmlab\/(state\.json|history\/state-\d+\.json)$|h\/backups\/)/;
  const disk = join("h", "vms", await lab.instance("web"), "disk-0.qcow2");
  expect(await vmlab("stop", "web")).toBe(0);
  const found = await hunt(lab.root, secrets, (path) => states.test(path) || path === disk);
  expect(found.leaks).toEqual([]);
  expect(found.open).toEqual([]);
  expect(found.searched).toBeGreaterThan(20);
});
