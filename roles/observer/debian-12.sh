#!/bin/bash
# Tools from Debian's packages, which are installed already: what is off by default is turned on.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != debian-12 ]; then
  echo "observer/debian-12.sh is for Debian 12; this is $PRETTY_NAME" >&2
  exit 1
fi

# Debian's kernels do not carry their own headers.
if [ "${OPTION_HEADERS:-no}" = yes ]; then
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "linux-headers-$(uname -r)"
fi

# sar's history: a sample every ten minutes.
sed -i 's/^ENABLED=.*/ENABLED="true"/' /etc/default/sysstat
systemctl --quiet enable --now sysstat.service sysstat-collect.timer sysstat-summary.timer
systemctl --quiet enable --now prometheus-node-exporter.service
