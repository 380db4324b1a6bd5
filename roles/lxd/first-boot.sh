#!/bin/bash
# The unit that gives LXD (or Incus) its first configuration in each VM: a storage pool, a bridge, a server certificate
# of its own. Comes after the script that installs it.
set -euo pipefail
umask 022

install -d /usr/local/lib/vmlab
cat >/usr/local/lib/vmlab/lxd-init <<'END'
#!/bin/sh
# Once in a VM's life. Whoever has configured it otherwise by then is left alone.
set -eu
PATH=$PATH:/snap/bin
if command -v incus >/dev/null; then
  incus admin waitready --timeout=600
  [ -n "$(incus storage list --format csv)" ] || incus admin init --minimal
else
  lxd waitready --timeout=600
  [ -n "$(lxc storage list --format csv)" ] || lxd init --minimal
fi
mkdir -p /var/lib/vmlab
touch /var/lib/vmlab/lxd-initialised
END
chmod 0755 /usr/local/lib/vmlab/lxd-init

# Before the end of cloud-init, which a VM's first boot is waited for.
cat >/etc/systemd/system/vmlab-lxd-init.service <<'END'
[Unit]
Description=First configuration of LXD
After=network-online.target snapd.seeded.service lxd.service lxd.socket incus.service incus.socket
Wants=network-online.target
Before=cloud-final.service
ConditionPathExists=!/var/lib/vmlab/lxd-initialised

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root
ExecStart=/usr/local/lib/vmlab/lxd-init
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl --quiet enable vmlab-lxd-init.service

# A VM that is running on without an image of the role: nobody waits for its next boot.
if [ "${VMLAB_FIRST_BOOT:-}" = 1 ]; then
  systemctl start vmlab-lxd-init.service
fi
