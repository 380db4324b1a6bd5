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

lxd --version
