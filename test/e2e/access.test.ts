/** The machines of a lab as other programs reach them: OpenSSH, tar, HTTP, Ansible. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { tinyGuest } from "../support/guests/tiny.ts";
import { longTest } from "../support/long-test.ts";

const run = promisify(execFile);
let lab: CliLab;
let root: string;

beforeEach(async () => {
  // A blank in the path of VMLAB_HOME: every program that is told of a file there has to have it quoted.
  root = await mkdtemp(join(tmpdir(), "v l-"));
  lab = await CliLab.create("", join(root, "h"));
});
afterEach(async () => {
  await lab.dispose();
  await rm(root, { recursive: true, force: true });
});

const tiny = async (): Promise<string> => `lab = { name = "demo", image = "tiny" }
[images]
tiny = { path = "${await tinyGuest()}", user = "lab" }
[environments.app.defaults]
memory = "128MiB"
disk = "96MiB"
[environments.app.vms.web]
labels = { tier = "front-end" }
[environments.app.vms.db]
`;

test("two VMs are reached by ssh, commands, copies and ports", async () => {
  await lab.write(await tiny());
  const ssh = async (...args: string[]) => (await run("ssh", args)).stdout;
  await lab.ok("apply", "--yes");

  // ---- OpenSSH, with a configuration of its own and included in the user's
  const config = join(lab.root, "lab.conf");
  await writeFile(config, await lab.ok("ssh-config"));
  expect(await ssh("-F", config, "app-web", "hostname")).toBe("app-web\n");
  expect(await ssh("-F", config, "app-db.demo", "hostname")).toBe("app-db\n");
  const users = join(lab.root, ".ssh", "config");
  expect(await lab.refused("ssh-config", "--write")).toContain("[cli/needs-confirmation]");
  await lab.ok("ssh-config", "--write", "--yes");
  const included = await readFile(users, "utf8");
  expect(await lab.ok("ssh-config", "--write")).toContain("Log in with: ssh app-db.demo (or app-web.demo)");
  expect(await readFile(users, "utf8")).toBe(included);
  expect(await ssh("-F", users, "app-web.demo", "hostname")).toBe("app-web\n");

  // ---- commands in both
  const both = await lab.run([
    "exec",
    "--env",
    "app",
    "--",
    "hostname; echo oops >&2; test $(hostname) = app-web",
  ]);
  expect(both.code).toBe(1);
  expect(both.stdout.split("\n").sort()).toEqual(["", "app-db  | app-db", "app-web | app-web"]);
  expect(both.stderr.split("\n").slice(0, 2).sort()).toEqual(["app-db  | oops", "app-web | oops"]);
  expect(both.stderr).toMatch(/\n\nNAME +EXIT +TIME\napp-db +1 +\S+\napp-web +0 +\S+\n$/);
  const fed = await lab.run(["exec", "app-web", "-i", "--", "cat; exit 7"], { input: "bytes\n" });
  expect({ code: fed.code, stdout: fed.stdout }).toEqual({ code: 7, stdout: "bytes\n" });
  const stopped = await lab.run(["exec", "--all", "--", "echo begun; sleep 600"], {
    signals: [{ when: /(begun[\s\S]*){2}/, send: "SIGINT" }],
  });
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/app-db +- +\S+ +interrupted\napp-web +- +\S+ +interrupted\n$/);

  // ---- copies, to and by busybox
  const site = join(lab.folder, "site");
  const long = "n".repeat(120);
  await mkdir(join(site, "a b", long), { recursive: true });
  await writeFile(join(site, "index.html"), "page\n");
  await writeFile(join(site, "a b", long, long), "deep");
  await writeFile(join(site, "run.sh"), "#!/bin/sh\necho ran\n");
  await chmod(join(site, "run.sh"), 0o750);
  await symlink("index.html", join(site, "link"));
  expect(await lab.ok("cp", "-r", site, "app-*:")).toBe(
    "Copied to app-db:~: 3 files, 28 B.\nCopied to app-web:~: 3 files, 28 B.\n",
  );
  const seen = `cat site/link "site/a b/${long}/${long}"; site/run.sh; stat -c %a site/run.sh`;
  expect(await lab.guest("app-web", seen)).toBe("page\ndeepran\n750");
  const back = join(lab.folder, "back");
  expect(await lab.ok("cp", "-r", "app-web:site", back)).toBe(`Copied to ${back}: 3 files, 28 B.\n`);
  expect((await run("diff", ["-r", "--no-dereference", site, back])).stdout).toBe("");
  expect((await stat(join(back, "run.sh"))).mode & 0o777).toBe(0o750);
  await lab.ok("cp", "app-web:site/index.html", "app-db:/tmp/from-web", "--root");
  expect(await lab.guest("app-db", "cat /tmp/from-web")).toBe("page");
  const names = join(lab.folder, "names");
  await lab.ok("cp", "app-*:/etc/hostname", names);
  expect(await readFile(join(names, "app-db", "hostname"), "utf8")).toBe("app-db\n");
  expect(await lab.refused("cp", "app-web:nope", names)).toContain(
    "Error: there is no app-web:nope [cp/no-source]",
  );

  // ---- a folder that is kept up to date
  let changed = false;
  const watched = await lab.run(["cp", "--watch", "--delete", site, "app-db:kept"], {
    watch: (printed) => {
      if (changed || !/index\.html/.test(printed)) return;
      changed = true;
      void writeFile(join(site, "index.html"), "new page\n").then(() => rm(join(site, "run.sh")));
    },
    signals: [{ when: /^(?=[\s\S]*deleted run\.sh)([\s\S]*index\.html){2}/, send: "SIGINT" }],
  });
  expect({ code: watched.code, stderr: watched.stderr }).toEqual({ code: 0, stderr: "" });
  expect(await lab.guest("app-db", "cat kept/index.html; ls kept")).toBe("new page\na b\nindex.html\nlink");

  // ---- a port while it runs
  await lab.guest("app-web", "httpd -p 8000 -h /home/lab/site");
  const [added] = await lab.json<{ host: number }[]>("port", "app-web", "8000", "--json");
  expect(await (await fetch(`http://127.0.0.1:${added?.host}/index.html`)).text()).toBe("page\n");
  expect(await lab.ok("port", "app-web")).toMatch(/127\.0\.0\.1:\d+ +8000 +until the VM stops\n$/);
  expect((await lab.run(["plan", "--detailed-exitcode"])).code).toBe(0);
  await lab.ok("port", "app-web", "8000", "--remove");
  await expect(fetch(`http://127.0.0.1:${added?.host}/index.html`)).rejects.toThrow();

  // ---- another port after a start, and nothing left after a destroy
  const { ssh_port: before = 0 } = await lab.vm("app-web");
  await lab.ok("port", "app-web", "8000");
  await lab.ok("stop", "app-web");
  const holder = createServer().listen(before, "127.0.0.1");
  try {
    await lab.ok("start", "app-web");
  } finally {
    holder.close();
  }
  expect((await lab.vm("app-web")).ssh_port).not.toBe(before);
  expect(await lab.ok("port", "app-web")).not.toContain("8000");
  expect(await ssh("-F", users, "app-web.demo", "hostname")).toBe("app-web\n");
  await lab.ok("destroy", "--yes");
  expect(await lab.list("ssh")).toEqual([]);
}, 900_000);

// Debian, for the Python that Ansible needs in a guest.
longTest(
  "Ansible works on a Debian guest with the inventory, as a file and as a script",
  async () => {
    await lab.write(`lab = { name = "debian" }
[images]
bookworm = { path = "${await bookworm()}", user = "debian" }
[vms.web]
image = "bookworm"
memory = "512MiB"
disk = "3GiB"
labels = { tier = "front-end" }
`);
    await lab.ok("apply", "--yes");
    await lab.ok(
      "exec",
      "web",
      "--root",
      "--",
      "command -v python3 || (apt-get -q update && apt-get -qy install python3-minimal)",
    );
    const file = join(lab.folder, "inventory.yaml");
    await writeFile(file, await lab.ok("inventory"));
    const script = join(lab.folder, "inventory.sh");
    const vmlab = join(import.meta.dirname, "../../dist/vmlab.js");
    await writeFile(
      script,
      `#!/bin/sh\nexport VMLAB_HOME='${lab.home}'\nexec '${process.execPath}' '${vmlab}' -C '${lab.folder}' inventory "$@"\n`,
    );
    await chmod(script, 0o755);
    for (const inventory of [file, script]) {
      const env = { ...process.env, HOME: lab.root };
      const pinged = await run("ansible", ["-i", inventory, "label_tier_front_end", "-m", "ping"], { env });
      expect(pinged.stdout).toMatch(/^web \| SUCCESS => [\s\S]*"ping": "pong"/);
    }
    // GNU tar, and a place where only root may write.
    const motd = join(lab.folder, "motd");
    await writeFile(motd, "hello\n");
    expect(await lab.refused("cp", motd, "web:/etc/motd")).toMatch(
      /web:\/etc\/motd could not be written[\s\S]*tar: motd: Cannot open[\s\S]*Hint: --root/,
    );
    await lab.ok("cp", motd, "web:/etc/motd", "--root");
    expect(await lab.guest("web", "cat /etc/motd; stat -c '%U %a' /etc/motd")).toBe("hello\nroot 644");
  },
  1_800_000,
);
