#!/bin/sh
# First in a build's machine: waits until the system is up, and keeps others from apt's lock.
set -eu
umask 022

# 2: done, with things it went on after. Older versions have no such code.
code=0
cloud-init status --wait >/dev/null 2>&1 || code=$?
if [ "$code" = 1 ]; then
  echo "cloud-init failed in the image below:" >&2
  cloud-init status --long >&2 || true
  tail -n 15 /var/log/cloud-init-output.log >&2 || true
  exit 1
fi

# Under /run: nothing of it stays in the image.
for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service; do
  systemctl mask --runtime --now "$unit" >/dev/null 2>&1 || true
done

mkdir -p /var/lib/vmlab-build
chmod 0700 /var/lib/vmlab-build
if [ -d /etc/apt/apt.conf.d ]; then
  printf '%s\n' 'DPkg::Lock::Timeout "300";' 'Acquire::Retries "3";' \
    >/etc/apt/apt.conf.d/99vmlab-build
fi
