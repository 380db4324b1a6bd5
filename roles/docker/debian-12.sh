#!/bin/bash
# Docker from Debian's own packages, which are installed already.
set -euo pipefail
umask 022

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != debian-12 ]; then
  echo "docker/debian-12.sh is for Debian 12; this is $PRETTY_NAME" >&2
  exit 1
fi

# Without a limit the logs of a chatty container fill the disk. Whoever has settings of their own keeps them.
if [ ! -e /etc/docker/daemon.json ]; then
  install -d /etc/docker
  cat >/etc/docker/daemon.json <<'END'
{
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" }
}
END
  systemctl restart docker.service
fi
systemctl --quiet enable docker.service containerd.service

# The engine's own key, made when the package started it. Docker makes another when it starts without one.
if [ -e /var/lib/vmlab-build ]; then
  rm -f /etc/docker/key.json /var/lib/docker/engine-id
fi
docker --version
