import { expect, test } from "@jest/globals";
import { resource } from "../expanded.ts";
import { expand, LAB, problems } from "../memory-lab.ts";

test("secrets are normalised", async () => {
  const { resources } = await expand(
    `${LAB}[secrets]\na = {}\nb = { pattern = "[a-z]{4}" }\nc = { kind = "ssh_key" }\nd = { length = 40 }`,
  );
  expect(resources.map(({ address, inputs, provider }) => [address, inputs, provider])).toEqual([
    ["secret.a", { kind: "password", length: 24 }, "engine"],
    ["secret.b", { kind: "pattern", pattern: "[a-z]{4}" }, "engine"],
    ["secret.c", { kind: "ssh_key" }, "engine"],
    ["secret.d", { kind: "password", length: 40 }, "engine"],
  ]);
});

test("a certificate is bound to its authority", async () => {
  const secrets = `${LAB}[secrets.k8s_ca]
kind = "ca"
common_name = "kubernetes"
[secrets.etcd]
kind = "cert"
ca = "k8s_ca"
hosts = ["\${vms.web.name}", "*.lab", "10.42.0.10", "::1"]
usage = ["server", "client"]
[vms.web]
`;
  const recorded = await expand(secrets, {
    lineage: "0123456789abcdef",
    recorded: {},
    liveAttributes: () => ({ cert: "C", key: "K", spki_sha256: "ab12" }),
    hash: () => "",
  });
  expect(resource(recorded, "secret.k8s_ca").inputs).toEqual({ kind: "ca", common_name: "kubernetes" });
  expect(resource(recorded, "secret.etcd").dependsOn).toEqual(["secret.k8s_ca"]);
  const etcd = {
    kind: "cert",
    common_name: "etcd",
    ca: "k8s_ca",
    hosts: ["web", "*.lab", "10.42.0.10", "::1"],
    usage: ["server", "client"],
  };
  expect(resource(recorded, "secret.etcd").inputs).toEqual({ ...etcd, issuer: "ab12" });
  const issuer = {
    $expr: "${secrets.k8s_ca.spki_sha256}",
    scope: "lab",
    sensitive: false,
    as: "string",
  };
  expect(resource(await expand(secrets), "secret.etcd").inputs).toEqual({ ...etcd, issuer });
});

test("paths and users' names are no place for secrets", async () => {
  const lab = `${LAB}[secrets]
token = {}
[vms.web]
login = { user = "u\${secrets.token}" }
files = [{ content = "\${secrets.token}", to = "/etc/\${secrets.token}" }]
`;
  expect(
    await problems(lab),
  ).toBe(`lab.toml:6:18-37 config/secret-shown: A user's name cannot be computed from a secret
  Programs take it as an argument, which everybody on the host or in the guest can read.
  → Use a plain value, or a variable that is not sensitive.
lab.toml:7:47-70 config/secret-shown: A path cannot be computed from a secret
  Programs take it as an argument, which everybody on the host or in the guest can read.
  → Use a plain value, or a variable that is not sensitive.`);
});

test("wrong settings of secrets are told where they stand", async () => {
  const lab = `${LAB}[secrets]
token = { pattern = "[a-z]{4}" }
k8s_ca = { kind = "ca", hosts = ["web"] }
a = { kind = "cert" }
b = { kind = "cert", ca = "k8s_ac", hosts = ["https://web"] }
c = { kind = "cert", ca = "token", usage = ["client"] }
d = { kind = "cert", ca = "k8s_ca", hosts = ["\${secrets.token}"] }
`;
  expect(
    await problems(lab),
  ).toBe(`lab.toml:5:25-30 config/not-allowed-here: hosts belongs to secrets of kind "cert"
  → Take hosts out, or write kind = "cert".
lab.toml:6:1-2 config/missing-key: The secret "a" has no hosts
  → Add the names and addresses of the server, such as hosts = ["web", "10.42.0.10"].
lab.toml:6:1-2 config/missing-key: The secret "a" has no ca
  → Add ca = "NAME", the name of a secret of kind "ca".
lab.toml:7:27-35 config/unknown-reference: There is no secret "k8s_ac"
  → Did you mean "k8s_ca"?
lab.toml:7:46-59 config/bad-value: hosts[0] cannot be "https://web"
  A host is a DNS name or an IP address, without a port.
lab.toml:8:27-34 config/unknown-reference: The secret "token" is of kind "pattern", not "ca"
  → Declared: k8s_ca.
lab.toml:9:46-64 config/must-be-known: hosts[0] must be known when planning
  It reads what only secret.token can tell, after it was made.
  → Use a plain value or a variable that is not sensitive.`);
});
