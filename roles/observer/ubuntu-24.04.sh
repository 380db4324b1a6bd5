#!/bin/bash
# Tools from Ubuntu's packages, which are installed already: perf and bpftool for the kernel, and what is off by
# default is turned on.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "observer/ubuntu-24.04.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

# linux-tools-generic is for the newest kernel; the one that runs may be older.
if [ ! -e "/usr/lib/linux-tools/$(uname -r)/perf" ]; then
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "linux-tools-$(uname -r)"
fi

# sar's history: a sample every ten minutes.
sed -i 's/^ENABLED=.*/ENABLED="true"/' /etc/default/sysstat
systemctl --quiet enable --now sysstat.service sysstat-collect.timer sysstat-summary.timer
systemctl --quiet enable --now prometheus-node-exporter.service
