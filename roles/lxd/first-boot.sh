#!/bin/bash
# The unit that gives LXD (or Incus) its first configuration in each VM: a storage pool, a bridge, a server certificate
# of its own. Comes after the script that installs it.
set -euo pipefail
umask 022

install -d /usr/local/lib/vmlab
cat >/usr/local/lib/vmlab/lxd-init <<'END'
#!/bin/sh
# Once in a VM's life. Whoever has configured it otherwise by then is left alone.
#
# What init --minimal makes, but for the bridge's address: LXD looks for an unused one with pings, and there are
# user-mode networks that answer every ping.
set -eu
PATH=/snap/bin:$PATH
preseed() {
  cat <<PRESEED
networks:
  - name: $1
    type: bridge
    config: { ipv4.address: "$BRIDGE", ipv4.nat: "true", ipv6.address: none }
storage_pools:
  - { name: default, driver: dir }
profiles:
  - name: default
    devices:
      eth0: { type: nic, name: eth0, network: $1 }
      root: { type: disk, path: /, pool: default }
PRESEED
}
if command -v incus >/dev/null; then
  incus admin waitready --timeout=600
  [ -n "$(incus storage list --format csv)" ] || preseed incusbr0 | incus admin init --preseed
else
  lxd waitready --timeout=600
  [ -n "$(lxc storage list --format csv)" ] || preseed lxdbr0 | lxd init --preseed
fi
mkdir -p /var/lib/vmlab
touch /var/lib/vmlab/lxd-initialised
END
chmod 0755 /usr/local/lib/vmlab/lxd-init

# Before the end of cloud-init, which a VM's first boot is waited for.
cat >/etc/systemd/system/vmlab-lxd-init.service <<END
[Unit]
Description=First configuration of LXD
After=network-online.target snapd.seeded.service lxd.service lxd.socket incus.service incus.socket
Wants=network-online.target
Before=cloud-final.service
ConditionPathExists=!/var/lib/vmlab/lxd-initialised

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root BRIDGE=${OPTION_BRIDGE:-10.177.0.1/24}
ExecStart=/usr/local/lib/vmlab/lxd-init
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl --quiet enable vmlab-lxd-init.service

# Not in a build, but in a VM that carries the role out itself: nobody waits for its next boot.
if [ ! -e /var/lib/vmlab-build ]; then
  systemctl start vmlab-lxd-init.service
fi
