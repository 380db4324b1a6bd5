#!/bin/bash
# Lets a VM's login user talk to the container engine without sudo, from the first login on. The user is made by
# cloud-init at first boot, so the image can only bring the unit that adds it to the group.
set -euo pipefail
umask 022

install -d /usr/local/lib/vmlab
cat >/usr/local/lib/vmlab/login-groups <<'END'
#!/bin/sh
# Only users whom cloud-init gave all of sudo: they are root anyway.
set -eu
awk '!/^#/ && $NF ~ /ALL$/ { print $1 }' /etc/sudoers.d/90-cloud-init-users | sort -u | while read -r user; do
  for group in docker lxd incus-admin; do
    getent group "$group" >/dev/null || continue
    id -nG "$user" | tr ' ' '\n' | grep -qx "$group" || usermod --append --groups "$group" "$user"
  done
done
END
chmod 0755 /usr/local/lib/vmlab/login-groups

cat >/etc/systemd/system/vmlab-login-groups.service <<'END'
[Unit]
Description=Groups of the login user
# After the part of cloud-init that makes users, before anybody can log in.
After=cloud-init.service cloud-init-network.service
Before=ssh.service sshd.service
ConditionPathExists=/etc/sudoers.d/90-cloud-init-users

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/vmlab/login-groups

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl --quiet enable vmlab-login-groups.service

# Not in a build, but in a VM that carries the role out itself: nobody waits for its next boot.
if [ ! -e /var/lib/vmlab-build ]; then
  systemctl restart vmlab-login-groups.service
fi
