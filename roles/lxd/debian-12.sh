#!/bin/bash
# LXD from Debian's own packages, which are installed already.
set -euo pipefail
umask 022

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != debian-12 ]; then
  echo "lxd/debian-12.sh is for Debian 12; this is $PRETTY_NAME" >&2
  exit 1
fi

# The server's own certificate, if something has started the server. It makes another when it starts without one.
if [ -e /var/lib/vmlab-build ] && [ ! -e /var/lib/vmlab/lxd-initialised ] && [ -e /var/lib/lxd/server.crt ]; then
  systemctl stop lxd.socket lxd.service
  rm -f /var/lib/lxd/server.crt /var/lib/lxd/server.key
fi
lxd --version
