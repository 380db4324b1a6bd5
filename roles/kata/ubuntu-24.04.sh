#!/bin/bash
# Kata as a runtime of Docker (docker run --runtime kata) from Docker's repository, which docker/apt-repository.sh has
# set up.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "kata/ubuntu-24.04.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

# Runtimes with a shim of their own are named by runtimeType (Docker 23; kata works from 26 on). What is there already
# is kept.
install -d /etc/docker
settings=/etc/docker/daemon.json
[ -e "$settings" ] || echo '{ "log-driver": "json-file", "log-opts": { "max-size": "10m", "max-file": "3" } }' >"$settings"
new=$(mktemp)
jq '.runtimes.kata = {
  runtimeType: "io.containerd.kata.v2",
  options: { ConfigPath: "/opt/kata/share/defaults/kata-containers/configuration-qemu.toml" }
}' "$settings" >"$new"
changed=
if ! cmp -s "$new" "$settings"; then
  install -m 0644 "$new" "$settings"
  changed=yes
fi
rm -f "$new"

apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install docker-ce docker-ce-cli containerd.io
docker=$(dpkg-query -W -f '${Version}' docker-ce)
if dpkg --compare-versions "$docker" lt 5:26; then
  echo "Kata needs Docker 26 or later; docker-ce is $docker" >&2
  exit 1
fi
if [ -n "$changed" ]; then
  systemctl restart docker.service
fi
systemctl --quiet enable docker.service containerd.service

# The engine's own identity, made when the package started it. Docker makes another when it starts without one.
if [ -e /var/lib/vmlab-build ]; then
  rm -f /etc/docker/key.json /var/lib/docker/engine-id
fi
