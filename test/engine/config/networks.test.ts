import { describe, expect, test } from "@jest/globals";
import type { Expansion, NetworkInputs, VmInputs } from "../../../engine/config/types.ts";
import { expand, problems } from "./memory-lab.ts";

const LAB = `lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
networks.cluster = { cidr = "10.42.0.0/24", mtu = 1400 }
networks.back-end = { cidr = "10.43.0.0/24", internet = false }
`;
const inputsOf = (expansion: Expansion, address: string) =>
  expansion.resources.find((one) => one.address === address)?.inputs;

const INPUT = {
  lineage: "0123456789abcdef",
  recorded: {},
  liveAttributes: () => undefined,
  hash: () => "h",
};

describe("a VM in networks", () => {
  test("has an address and a MAC in each, and waits for them", async () => {
    const expansion = await expand(
      `${LAB}[vms.web]
networks = [{ name = "back-end" }, { name = "cluster", ip = "10.42.0.10" }]
[vms.db]
networks = [{ name = "back-end" }]
`,
      INPUT,
    );
    expect(expansion.diagnostics).toEqual([]);
    const web = expansion.resources.find(({ address }) => address === "vm.web");
    expect((inputsOf(expansion, "vm.web") as VmInputs).networks).toEqual([
      {
        name: "back-end",
        ip: "10.43.0.2",
        prefix: 24,
        mac: expect.stringMatching(/^52(:[0-9a-f]{2}){5}$/),
        mtu: 1500,
        internet: false,
      },
      {
        name: "cluster",
        ip: "10.42.0.10",
        prefix: 24,
        mac: expect.stringMatching(/^52(:[0-9a-f]{2}){5}$/),
        mtu: 1400,
        internet: true,
      },
    ]);
    expect(web?.dependsOn).toEqual(["image.b", "network.back-end", "network.cluster"]);
    expect(inputsOf(expansion, "network.back-end")).toEqual({
      cidr: "10.43.0.0/24",
      internet: false,
      mtu: 1500,
      members: [
        { name: "web", ip: "10.43.0.2" },
        { name: "db", ip: "10.43.0.3" },
      ],
    });
  });

  test("keeps its recorded address, and its MAC follows from lab, network and name alone", async () => {
    const lab = (more: string) => `${LAB}${more}[vms.web]\nnetworks = [{ name = "cluster" }]\n`;
    const recorded = { "vm.web": { inputs: { networks: [{ name: "cluster", ip: "10.42.0.77" }] } } };
    const networksOf = (expansion: Expansion) => (inputsOf(expansion, "vm.web") as VmInputs).networks;
    const first = networksOf(await expand(lab(""), { ...INPUT, recorded }));
    const later = networksOf(
      await expand(lab('[vms.a]\nnetworks = [{ name = "cluster" }]\n'), { ...INPUT, recorded }),
    );
    const elsewhere = networksOf(await expand(lab(""), { ...INPUT, recorded, lineage: "f".repeat(16) }));
    expect(first?.[0]?.ip).toBe("10.42.0.77");
    expect(later).toEqual(first);
    expect(elsewhere?.[0]?.mac).not.toBe(first?.[0]?.mac);
  });

  test("tells its addresses to expressions, also to peers that list each other, without waiting", async () => {
    const expansion = await expand(
      `${LAB}
[environments.e]
defaults = { networks = [{ name = "cluster" }, { name = "back-end" }] }
env = { PEERS = "\${members.n.map(m, m.name + '=' + m.ip).join(',')}", SELF = "\${self.networks.back_end.ip}" }
[environments.e.vms.n]
count = 2
[vms.plain]
env = { ALL = "\${environments.e.vms.map(v, v.ip).join(' ')}", MAC = "\${vms.e_n_1.mac.size() == 17}" }
`,
      INPUT,
    );
    expect(expansion.diagnostics).toEqual([]);
    const env = (name: string) => (inputsOf(expansion, `vm.${name}`) as VmInputs).env;
    expect(env("e-n-1")).toEqual({ PEERS: "e-n-1=10.42.0.2,e-n-2=10.42.0.3", SELF: "10.43.0.2" });
    expect(env("plain")).toEqual({ ALL: "10.42.0.2 10.42.0.3", MAC: "true" });
    const plain = expansion.resources.find(({ address }) => address === "vm.plain");
    expect(plain?.dependsOn).toEqual(["image.b"]);
    expect((inputsOf(expansion, "network.cluster") as NetworkInputs).members).toEqual([
      { name: "e-n-1", ip: "10.42.0.2", environment: "e" },
      { name: "e-n-2", ip: "10.42.0.3", environment: "e" },
    ]);
  });

  test("may compute its address from count and variables", async () => {
    const expansion = await expand(
      `${LAB}[vars]\nfirst = { default = 20 }\n[vms.w]\ncount = 2\nnetworks = [{ name = "cluster", ip = "10.42.0.\${vars.first + count.index}" }]\n`,
      INPUT,
    );
    expect(expansion.diagnostics).toEqual([]);
    expect((inputsOf(expansion, "network.cluster") as NetworkInputs).members).toEqual([
      { name: "w-1", ip: "10.42.0.20" },
      { name: "w-2", ip: "10.42.0.21" },
    ]);
  });
});

test("wrong networks and addresses are told with their places", async () => {
  expect(
    await problems(`lab = { name = "demo", image = "b" }
images.b = { bootstrap = { distribution = "debian", suite = "bookworm" } }
[networks]
big = { cidr = "10.0.0.0/4" }
bits = { cidr = "10.42.0.5/24" }
user = { cidr = "10.0.0.0/16" }
wrong = { cidr = "10.42.0.300/24" }
good = { cidr = "10.50.0.0/29" }
same = { cidr = "10.50.0.0/24" }
[vms.a]
networks = [{ name = "goood" }, { name = "good", ip = "10.50.0.7" }]
[vms.b]
networks = [{ name = "good", ip = "10.50.0.2" }, { name = "same" }]
[vms.c]
networks = [{ name = "good", ip = "10.50.0.2" }]
env = { A = "\${vms.d.ip}", B = "\${vms.c.networks.same.ip}" }
[vms.d]
[vms.many]
count = 6
networks = [{ name = "good" }]
`),
  ).toMatchInlineSnapshot(`
    "lab.toml:4:16-28 config/bad-value: 10.0.0.0/4 is too big for a network
      → Choose a prefix from /8 to /29.
    lab.toml:5:17-31 config/bad-value: 10.42.0.5/24 is an address in a network, not a network
      → Write 10.42.0.0/24.
    lab.toml:6:17-30 config/address-clash: 10.0.0.0/16 overlaps with the network that every VM has
      → Every VM reaches the internet through 10.0.2.0/24: choose another range, such as 10.42.0.0/24.
    lab.toml:7:18-34 config/bad-value: "10.42.0.300/24" is no network
      → Write it as "10.42.0.0/24".
    lab.toml:11:22-29 config/unknown-reference: There is no network "goood"
      → Did you mean "good"?
    lab.toml:11:55-66 config/bad-value: 10.50.0.7 is no address for a VM in network.good
      → The network is 10.50.0.0/29: choose one from 10.50.0.1 to 10.50.0.6.
    lab.toml:13:50-67 config/address-clash: network.good and network.same, both of vm.b, overlap
      → Give one of the networks another cidr.
    lab.toml:15:35-46 config/address-clash: vm.b and vm.c both have 10.50.0.2 in network.good
      lab.toml:13:35 vm.b has it here
      → Choose another address, or leave ip out: vmlab then chooses one.
    lab.toml:16:22-24 config/bad-expression: vm.d has no ip: it is in no network
      → Add it to one with networks; forwarded ports are reached on the host's own address.
    lab.toml:16:50-54 config/bad-expression: vm.c is in no network "same"
      → Declared: good.
    lab.toml:20:13-30 config/no-address-left: network.good has no address left for vm.many-6
      → Give the network a bigger cidr."
  `);
});
