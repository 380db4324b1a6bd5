import { expect, test } from "@jest/globals";
import { expandLab } from "../../../engine/config/expand.ts";
import { resolveFiles } from "../../../engine/config/resolve-files.ts";
import type { VmInputs } from "../../../engine/config/types.ts";
import { sha256 } from "../../../engine/json.ts";
import { loadValid, memoryEffects, show } from "./memory-lab.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBcZ joe@host";
const LAB = `lab = { name = "demo", image = "b" }
[images.b]
path = "b.img"
`;

async function resolve(files: Readonly<Record<string, string>>) {
  const lab = await loadValid(files);
  return await resolveFiles(memoryEffects(files), lab, expandLab(lab));
}

test("steps get the hashes of their files, keys their texts", async () => {
  const { expansion, files, diagnostics } = await resolve({
    "lab.toml": `${LAB}[vms.web]
scripts = ["s.sh"]
files = [{ from = "f/a", to = "/a" }, { content = "x", to = "/b" }]
run = ["true"]
login = { keys = ["keys/joe.pub", "${KEY}"] }
[vms.db]
scripts = ["s.sh"]
`,
    "s.sh": "echo",
    "f/a": "a",
    "b.img": "image",
    "keys/joe.pub": `# joe\n${KEY}\n`,
  });
  expect(diagnostics).toEqual([]);
  expect(files).toEqual([
    { path: "f/a", sha256: sha256("a") },
    { path: "keys/joe.pub", sha256: sha256(`# joe\n${KEY}\n`) },
    { path: "s.sh", sha256: sha256("echo") },
  ]);
  const inputs = expansion.resources.find(({ name }) => name === "web")?.inputs as VmInputs;
  expect(inputs.login.keys).toEqual([KEY, KEY]);
  expect(inputs.steps).toEqual([
    { kind: "file", to: "/a", mode: "0644", owner: "root:root", from: "f/a", sha256: sha256("a") },
    { kind: "file", to: "/b", mode: "0644", owner: "root:root", content: "x" },
    { kind: "script", path: "s.sh", sha256: sha256("echo") },
    { kind: "run", command: "true" },
  ]);
});

test("files that are missing, outside or no public keys are told with their places", async () => {
  const { diagnostics } = await resolve({
    "lab.toml": `${LAB}[templates.t]
scripts = ["none.sh", "folder"]
[vms.web]
template = "t"
count = 2
files = [{ from = "link", to = "/a" }]
login = { keys = ["id.pub", "no-key", "../x.pub", "two.pub", "gone.pub"] }
`,
    "folder/x": "",
    link: "-> ../etc/passwd",
    "../etc/passwd": "root",
    "id.pub": "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    "two.pub": `${KEY}\n${KEY}\n`,
  });
  expect(show(diagnostics)).toBe(`lab.toml:3:8-15 config/no-file: There is no file b.img
  → Paths are relative to the file that declares them: make b.img, or correct the path.
lab.toml:5:12-21 config/no-file: There is no file none.sh
  → Paths are relative to the file that declares them: make none.sh, or correct the path.
lab.toml:5:23-31 config/no-file: folder is not a file
  → Name a file.
lab.toml:9:19-25 config/path-outside: link is outside of the lab's folder
  A symbolic link on this path leads out of the lab's folder.
  → Put the file itself into the lab's folder.
lab.toml:10:19-27 config/private-key: id.pub is a private key
  A private key does not belong into a lab, and the guest does not need it.
  → Name the public key: the file with the ending .pub.
lab.toml:10:29-37 config/bad-key: login.keys takes public keys or paths of .pub files
  → A public key is one line such as "ssh-ed25519 AAAA… name"; a path ends in .pub.
lab.toml:10:39-49 config/path-outside: ../x.pub is outside of the lab's folder
  The path leaves the lab's folder.
  → Put the file into the lab's folder.
lab.toml:10:51-60 config/bad-key: two.pub does not hold one public key
  → ssh-keygen writes such a file beside the private key, with the ending .pub.
lab.toml:10:62-72 config/no-file: There is no file gone.pub
  → Paths are relative to the file that declares them: make gone.pub, or correct the path.`);
});
