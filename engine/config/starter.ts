/** The lab.toml that `vmlab init` writes: a lab that works as it is, with what comes next in comments. */

/** The starter for a lab of this name (see schemas: Name). */
export function starterLab(name: string): string {
  return `# A lab: images and virtual machines, declared here and made by vmlab.
#
#   vmlab plan       shows what would change
#   vmlab apply      does it
#   vmlab ssh web    logs in
#   vmlab destroy    removes everything again
#
# "vmlab validate" checks this file, "vmlab fmt" formats it. Editors complete and check it too, after
# "vmlab schema > lab.schema.json" and with "#:schema ./lab.schema.json" as the first line.

[lab]
name = "${name}"
# What VMs stand on that name no image of their own.
image = "bookworm"

# The lab never takes more than this of the host.
# [limits]
# cpus = 4
# memory = "8GiB"
# disk_reserve = "10GiB"

# Values to set from outside: --var memory=2GiB, --var-file FILE, or VMLAB_VAR_memory.
[vars]
memory = { default = "1GiB", description = "memory of each VM" }

# Made once and kept in the state: shown nowhere, read as \${secrets.NAME}.
# [secrets]
# admin = { kind = "password" }

# Debian 12, built on this host from Debian's own packages (with mmdebstrap).
[images.bookworm]
bootstrap = { distribution = "debian", suite = "bookworm" }

# Ubuntu 24.04, downloaded. What it resolves to is pinned in vmlab.lock.
# [images.noble]
# url = "https://cloud-images.ubuntu.com/releases/noble/release/ubuntu-24.04-server-cloudimg-amd64.img"
# checksum = "file:https://cloud-images.ubuntu.com/releases/noble/release/SHA256SUMS"
# user = "ubuntu"

# The table's name is the VM's name and its hostname.
[vms.web]
cpus = 1
memory = "\${vars.memory}"
disk = "10GiB"
# HOST:GUEST on 127.0.0.1; without HOST a free port is chosen.
# ports = ["8080:80"]
# login = { password = "\${secrets.admin}" }
# Run as root at first boot.
run = ["echo 'made by vmlab' > /etc/motd"]

# Several of a kind: node-1, node-2, node-3.
# [vms.node]
# count = 3
# depends_on = ["vm.web"]

[outputs]
web = { value = "\${vms.web.user}@127.0.0.1 -p \${vms.web.ssh_port}", description = "how ssh reaches it" }
`;
}
