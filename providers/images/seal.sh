#!/bin/sh
# Takes the identity and the traces of one machine out of an image, so that each VM made from it becomes a machine of its
# own. Runs as root, as the last step of a build or in the chroot of an export; needs no network and no running systemd.
# Users, their homes and whatever was installed or configured stay.
set -u
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset HISTFILE

# What a build needed and an image must not have.
rm -f /etc/apt/apt.conf.d/99vmlab-build
rm -rf /var/lib/vmlab-build

# cloud-init starts anew with the next seed. What its last run wrote belongs to that machine: addresses, root's key.
if command -v cloud-init >/dev/null 2>&1; then cloud-init clean --logs --seed >/dev/null 2>&1; fi
rm -rf /var/lib/cloud
mkdir -p /var/lib/cloud
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \
  /etc/systemd/network/10-cloud-init-* /etc/NetworkManager/system-connections/cloud-init-* \
  /etc/sudoers.d/90-cloud-init-users /etc/ssh/sshd_config.d/50-cloud-init.conf

# The keys by which vmlab logged in, and cloud-init's refusals of root; what others put there stays.
for home in /root /home/*; do
  keys=$home/.ssh/authorized_keys
  [ -f "$keys" ] || continue
  kept=$(sed -e '/ vmlab build$/d' -e '/ vmlab lab [^ ]*$/d' -e "/command=\"echo 'Please login as the user/d" "$keys")
  if [ -n "$kept" ]; then printf '%s\n' "$kept" >"$keys"; else rm -f "$keys"; fi
  rm -f "$home/.ssh/known_hosts"
  rmdir "$home/.ssh" 2>/dev/null
done

# Identity: an empty machine-id is filled by systemd at the next boot, host keys are made by cloud-init.
: >/etc/machine-id
chmod 0444 /etc/machine-id
if [ -d /var/lib/dbus ]; then ln -sf /etc/machine-id /var/lib/dbus/machine-id; fi
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -f /boot/loader/random-seed /boot/efi/loader/random-seed
echo localhost >/etc/hostname
if [ -f /etc/hosts ]; then sed '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts >/etc/hosts.vmlab && cat /etc/hosts.vmlab >/etc/hosts; rm -f /etc/hosts.vmlab; fi
rm -rf /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/NetworkManager/*.lease /var/lib/systemd/network/* \
  /var/lib/systemd/timesync/clock

# Caches that the next use fetches again.
if command -v apt-get >/dev/null 2>&1; then apt-get clean; fi
rm -rf /var/cache/apt/*.bin /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old

# Traces.
for home in /root /home/*; do
  rm -f "$home/.bash_history" "$home/.lesshst" "$home/.viminfo" "$home/.cache/motd.legal-displayed"
  rm -rf "$home/.ansible"
done
# Of a running system: the journal goes on in memory, and what was on the disk is closed.
journalctl --relinquish-var >/dev/null 2>&1
rm -rf /var/log/journal/* /run/log/journal/* /var/log/installer /var/crash/* /var/lib/systemd/coredump/*
find /var/log -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' -o -name '*.old' \) -exec rm -f {} +
find /var/log -type f -exec truncate -s 0 {} +
for file in /run/utmp /var/log/wtmp /var/log/btmp /var/log/lastlog; do
  [ ! -f "$file" ] || : >"$file"
done
# systemd's own private folders are busy while it runs; it removes what is in them by itself.
find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -exec rm -rf {} + 2>/dev/null

# Freed blocks need not be kept. The file system counts them as free once the removal is on the disk.
sync
fstrim -a 2>/dev/null || fstrim / 2>/dev/null
sync
exit 0
