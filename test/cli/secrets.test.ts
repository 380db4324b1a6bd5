/** A whole run over pretend machines, and then a search of everything that it showed and kept. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { heldIn, hunt, keyLines, type Secrets } from "../support/secret-hunt.ts";
import { CliLab } from "./cli-lab.ts";

const LAB = `lab = { name = "demo", provider = "fake", image = "base" }

[images.base]
bootstrap = { distribution = "debian", suite = "bookworm" }

[vars]
pin = { type = "string", sensitive = true }

[secrets]
password = {}
token = { pattern = "[a-z0-9]{24}" }
ca = { kind = "ca" }
etcd = { kind = "cert", ca = "ca", hosts = ["web"] }
deploy = { kind = "ssh_key" }

[vms.web]
login = { password = "\${secrets.password}" }
env = { TOKEN = "\${secrets.token}", PIN = "\${vars.pin}" }
labels = { pin = "\${vars.pin}" }
files = [{ content = "\${secrets.ca.key}\${secrets.etcd.key}\${secrets.deploy.private}", to = "/key" }]
run = ["echo \${secrets.token} \${vars.pin}"]
ready = { command = "test \${secrets.token}" }

[outputs]
token = { value = "\${secrets.token}" }
all = { value = ["\${vars.pin}", "\${secrets.ca.key}"] }
hash = { value = "\${secrets.ca.spki_sha256}" }
`;

let lab: CliLab;
afterEach(() => lab.remove());

test("no secret is in anything that a run shows or keeps, but in the state and its older copies, which are 0600", async () => {
  lab = await CliLab.create(LAB);
  const pin = "correct horse battery";
  // Outside of what is searched: it is the user's.
  await writeFile(join(lab.root, "pin.toml"), `pin = "${pin}"\n`, { mode: 0o600 });
  const given = ["--var-file", "../pin.toml"];
  const told: string[] = [];
  const vmlab = async (...args: string[]): Promise<number> => {
    const { code, stdout, stderr } = await lab.vmlab(args);
    told.push(`vmlab ${args.join(" ")}\n${stdout}${stderr}`);
    return code;
  };
  for (const options of [["--details"], ["--json"], ["-o", "first.plan"]]) {
    expect(await vmlab("plan", ...given, ...options)).toBe(0);
  }
  await lab.write("../home/fake/faults.json", '{"failures":[{"step":"provision","name":"web","times":1}]}');
  expect(await vmlab("apply", "first.plan", "--json", ...given)).toBe(1);
  await lab.write("../home/fake/faults.json", "{}");
  expect(await vmlab("apply", "--yes", ...given)).toBe(0);
  await lab.write("lab.toml", LAB.replace("echo", "printf").replace('"/key"', '"/keys"'));
  expect(await vmlab("plan", ...given, "-o", "second.plan", "--why", "vm.web")).toBe(0);
  expect(await vmlab("apply", "--yes", "--replace", "secret.token", ...given)).toBe(0);
  for (const args of [
    ["show"],
    ["show", "--json"],
    ["show", "second.plan"],
    ["state", "list"],
    ["state", "show", "secret.ca"],
    ["state", "show", "vm.web"],
    ["state", "history"],
    ["output"],
    ["list", "--json"],
    ["eval", "secrets.ca.key", ...given],
    ["ops", "--json"],
    ["logs", "web"],
    ["logs", "web", "--provision"],
    ["backup", "create"],
    ["restart", "web", ...given],
  ]) {
    expect([args, await vmlab(...args)]).toEqual([args, 0]);
  }
  const state = JSON.parse(await lab.succeed("state", "pull")) as {
    resources: Record<string, { attributes: Record<string, string> }>;
  };
  const of = (name: string, attribute = "value") =>
    state.resources[`secret.${name}`]?.attributes[attribute] ?? "";
  const secrets: Secrets = {
    pin,
    password: of("password"),
    token: of("token"),
    ...keyLines("ca", of("ca", "key")),
    ...keyLines("etcd", of("etcd", "key")),
    ...keyLines("deploy", of("deploy", "private")),
  };
  expect(Object.values(secrets).every((value) => value.length >= 20)).toBe(true);
  expect(Object.keys(secrets).length).toBeGreaterThan(9);
  expect(
    told.flatMap((text) => heldIn(text, secrets).map((name) => `${text.split("\n")[0]}: ${name}`)),
  ).toEqual([]);
  const states = /^(lab\/\.vmlab\/(state\.json|history\/state-\d+\.json)|home\/backups\/|pin\.toml$)/;
  const found = await hunt(lab.root, secrets, (path) => states.test(path));
  expect(found.leaks).toEqual([]);
  expect(found.open).toEqual([]);
  expect(found.searched).toBeGreaterThan(10);
  // What is handed out is shown.
  expect(told.join("")).toContain(of("ca", "spki_sha256"));
});
