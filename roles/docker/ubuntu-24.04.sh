#!/bin/bash
# Docker Engine from Docker's own repository, which apt-repository.sh has set up.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "docker/ubuntu-24.04.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

# Before the packages start the engine. Without a limit the logs of a chatty container fill the disk. Whoever has
# settings of their own keeps them.
if [ ! -e /etc/docker/daemon.json ]; then
  install -d /etc/docker
  cat >/etc/docker/daemon.json <<'END'
{
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" }
}
END
fi

# 28.3 is any release of that series, 28.3.2 that release; apt takes patterns.
version=${OPTION_VERSION:-latest}
case $version in
  latest) engine= ;;
  *.*.*) engine="=5:$version-*" ;;
  *) engine="=5:$version.*" ;;
esac
apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --allow-change-held-packages install \
  "docker-ce$engine" "docker-ce-cli$engine" containerd.io docker-buildx-plugin docker-compose-plugin
if [ "$version" != latest ]; then
  apt-mark hold docker-ce docker-ce-cli >/dev/null
fi
systemctl --quiet enable docker.service containerd.service

# The engine's own identity, made when the package started it. Docker makes another when it starts without one.
if [ -e /var/lib/vmlab-build ]; then
  rm -f /etc/docker/key.json /var/lib/docker/engine-id
fi
docker --version
