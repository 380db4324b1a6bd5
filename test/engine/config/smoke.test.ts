import { test } from "@jest/globals";
import { problems } from "./memory-lab.ts";
const H = 'lab = { name = "demo", image = "b" }\nimages.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }\n';
const cases: Record<string, any> = {
  unknownTop: H + "[vm.web]\ncpus = 1",
  unknownTop2: H + "[netwroks.web]\ncpus = 1",
  unknownKey: H + '[vms.web]\nmemroy = "1GiB"\nram = "2GiB"\nhostname = "x"\nuser = "x"',
  types: H + '[vms.web]\ncpus = "2"\nmemory = true\ndisk = "10 Gibs"\nports = "80"\nrun = ["a", 3]\nenv = { A = 1 }\nlifecycle = { prevent_destroy = "yes" }',
  range: H + '[vms.web]\ncpus = 0\nmemory = 0\n[vms.db]\ncpus = 999\ncount = -1',
  enums: H + '[vms.web]\npower = "runing"\nfirmware = 3\non_change = "rebuild"',
  names: H + "[vms.Web_1]\n[vms.x-]\n[vars.A]\n[vms.constructor]",
  names2: H + "[vms.Web_1]\n[vms.x-]\n[vars.my-var]\ndefault=1",
  patterns: H + '[vms.web]\nports = ["80:80:80", "99999", "80", "80"]\nmachine = "q35"\ndepends_on = ["web"]\nready = { command = "", timeout = "5 minutes" }\nfiles = [{ to = "etc/x", mode = "999" }]',
  missing: "[vms.web]",
  missing2: 'lab = {}\n[images.x]\nbootstrap = { suite = "a" }\n[vms.web]\nfiles=[{content="x"}]\nready={}',
  syntax: "[lab\nname = 1",
  syntax2: 'lab = { name = "x" }\n[vms.a]\n[vms.a]',
  syntax3: 'lab = { name = "x" }\n[vms.a]\ncpus = 1\ncpus = 2',
  date: 'lab = { name = "x" }\nd = 1999-02-03\ni = 9223372036854775808\nf = inf',
  feb: "lab = { name = \"x\" }\nd = 1999-02-30\n",
  notable: H + "vms = 3\nroles = 4",
  refs: H + '[vms.web]\nimage = "bb"\n[vms.db]\nrole = "docker"\n[vms.c]\ntemplate = "smal"\ndepends_on = ["vm.wbe", "member.x", "vm.d*", "vm.c"]\n[templates.small]\ncount = 3',
  imgsrc: 'lab = { name = "x" }\n[images.a]\n[images.b]\nurl = "http://x/y"\npath = "x"\n[images.c]\ndigest="sha256:12"\n[images.d]\npath="../x"\nchecksum="sha1:1"\n[vms.web]\n[vms.x]\nimage="a"\nrole="r"',
  expr: H + '[vars]\nn = { default = 3 }\nz = { default = 0 }\n[vms.web]\ncpus = "${vars.m}"\nmemory = "${vars.n +}"\ndisk = "${vms.k8s-cp.disk}"\nenv = { A = "x ${vms.dbb.name} y", B = "${foo.x}", C = "${vms.db.ip}", D = "${vms.db.ports[\'81\']}", E = "${[1,2]} x", F = "${vms.db}", G = "${secrets.x}", H = "${self.ssh_port}", I = "${members.a}", J = "${each.key}", K = "open ${vars.n", L = "${1/vars.z}" }\nlabels = { a = "${vars.n - \'x\'}" }\n[vms.db]\ncpus = "${vars.z}"\nmemory = "${vars.n > 1 ? \'big\' : \'1GiB\'}"\nports=["8080:80"]',
  cycle: H + '[vms.a]\ncpus = "${vms.b.cpus}"\n[vms.b]\ncpus = "${vms.a.cpus}"',
  clash: H + '[vms.k8s-cp]\n[environments.k8s.vms.cp]\n[vms.web]\ncount = 2\n[vms.web-1]\n[vms.p1]\nports = ["80:80"]\n[vms.p2]\nports=["0.0.0.0:80:8080"]\n[vms.p3]\ncount=2\nports=["8080:80"]',
  long: H + "[environments.abcdefghijklmnopqrstuvwxyz.vms.abcdefghijklmnopqrstuvwxyz]\n",
  countbad: H + '[vms.a]\ncount = "${vms.b.cpus}"\n[vms.b]\ncount = "${0 - 1}"\n[vms.c]\ncount = 1\nfor_each = ["x"]\n[vms.d]\nfor_each = "${3}"\n[vms.e]\nfor_each = ["A b"]',
  known: H + '[secrets]\ns = {}\n[vms.a]\nlifecycle = { prevent_destroy = "${secrets.s == \'x\'}" }\nready = { command = "x", timeout = "${secrets.s}" }\nscripts = ["../x.sh"]\nfiles = [{ to = "/x" }, { to = "/x", from = "/etc/passwd" }]',
  vars: [H + '[vars]\na = {}\nb = { type = "integer", default = "x" }\nc = { type = "integer", check = "value > 3", default = 1 }\nd = { default = "${x}" }\ns = { sensitive = true, type = "integer" }\ne = { check = "value.", default = 1 }', { assignments: ["q=1", "zz", "s=hunter"] }],
  include: { "lab.toml": 'lab = { name = "x", include = ["envs/*.toml", "../x.toml", "no.toml", "z*.toml", "link.toml"] }\n[vms.web]\nimage="a"', "envs/a.toml": '[vms.web]\n[images.a]\npath = "x.img"\n[vms.b]\ncpuss=1', "envs/b.toml": 'lab = { name = "y" }', "link.toml": "-> /etc/x.toml", "../etc/x.toml": "", },
  version: 'lab = { name = "x", vmlab = ">=2" }',
  secrets: H + '[secrets]\na = { kind = "password", pattern = "x" }\nb = { kind = "pattern" }\nc = { length = 4 }',
  limits: H + '[limits]\nmemory = "lots"\ncpus = 0\n',
  crlf: (H + "[vms.web]\nmemroy = 1\n").replaceAll("\n", "\r\n"),
};
test("x", async () => {
  let out = "";
  for (const [name, c] of Object.entries(cases)) {
    const r = Array.isArray(c) ? await problems(c[0], c[1]) : await problems(c);
    out += `== ${name}\n${r}\n`;
  }
  process.stdout.write(out);
});
