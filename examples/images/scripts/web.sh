#!/bin/sh
# Runs as root when the image is built. What belongs to one VM only (keys, certificates) is made at its first boot.
set -eu
cat >/etc/web.conf <<'CONF'
workers = 2
CONF
