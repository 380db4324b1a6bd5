/** Labs whose environments are modules, for tests of modules. */
import { expect } from "@jest/globals";
import type { Expansion } from "../../../../engine/config/types.ts";
import { expand } from "../memory-lab.ts";

export const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
images.c = { bootstrap = { distribution = "debian", suite = "trixie" } }
`;

const CLUSTER = `
[inputs]
workers = { type = "integer", default = 2, check = "value >= 1" }
image = { default = "b" }
cidr = { default = "10.42.0.0/24" }
greeting = { default = "" }
[secrets]
token = { pattern = '[a-z]{6}' }
ca = { kind = "ca" }
cert = { kind = "cert", ca = "ca", hosts = ["\${members.cp.ip}"] }
[templates.small]
memory = "512MiB"
[networks]
net = { cidr = "\${inputs.cidr}" }
[defaults]
template = "small"
image = "\${inputs.image}"
networks = [{ name = "net" }]
[env]
TOKEN = "\${secrets.token}"
API = "\${members.cp.networks.net.ip}"
[vms.cp]
scripts = ["init.sh"]
[vms.worker]
count = "\${inputs.workers}"
depends_on = ["vm.cp", "network.net", "secret.token"]
env = { N = "\${count.index}", ME = "\${self.name}", HELLO = "\${inputs.greeting}" }
[outputs]
api = { value = "https://\${members.cp.ip}:6443" }
token = { value = "\${secrets.token}" }
workers = { value = "\${members.worker.map(w, w.name)}" }
`;

/** Two environments of one module; the second one uses what the first one gives out. */
export const TWO = {
  "lab.toml": `${LAB}
vars.n = { default = 1 }
[environments.blue]
source = "modules/cluster"
inputs = { workers = "\${vars.n}", image = "c" }
[environments.green]
source = "modules/cluster/module.toml"
inputs = { greeting = "\${environments.blue.outputs.api} \${environments.blue.outputs.token}" }
`,
  "modules/cluster/module.toml": CLUSTER,
};

/** A lab whose environment x is the module m.toml. */
export const using = (module: string, use = "", more = "") => ({
  "lab.toml": `${LAB}${more}
[environments.x]
source = "m.toml"
${use}`,
  "m.toml": module,
});

/** Expands a lab with which nothing is wrong. */
export async function sound(files: Record<string, string>): Promise<Expansion> {
  const expansion = await expand(files);
  expect(expansion.diagnostics).toEqual([]);
  return expansion;
}
