#!/bin/bash
# Kata Containers as the project releases them: one archive for /opt/kata, with its hypervisors, guest kernel and shim
# (https://github.com/kata-containers/kata-containers/tree/main/docs/install). The same for every distribution.
set -euo pipefail
umask 022

version=${OPTION_VERSION:?} sha256=${OPTION_SHA256:?}
stamp=/opt/kata/.vmlab-release

if [ "$(cat "$stamp" 2>/dev/null)" != "$version $sha256" ]; then
  name=kata-static-$version-amd64.tar.zst
  work=$(mktemp -d /var/tmp/kata.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  curl -fsSL --retry 5 --retry-delay 10 -o "$work/$name" \
    "https://github.com/kata-containers/kata-containers/releases/download/$version/$name"
  found=$(sha256sum "$work/$name" | cut -d ' ' -f 1)
  if [ "$found" != "$sha256" ]; then
    echo "$name has the SHA-256 $found, not $sha256: the options version and sha256 belong together" >&2
    exit 1
  fi
  rm -rf /opt/kata
  tar --zstd -xf "$work/$name" -C /
  echo "$version $sha256" >"$stamp"
fi

# containerd and Docker look for the shim of io.containerd.kata.v2 by this name on their PATH.
for program in containerd-shim-kata-v2 kata-runtime; do
  ln -sf "/opt/kata/bin/$program" "/usr/local/bin/$program"
done
test -f /opt/kata/share/defaults/kata-containers/configuration-qemu.toml

cat >/etc/modules-load.d/kata.conf <<'END'
vhost
vhost_net
vhost_vsock
END
modprobe -a vhost vhost_net vhost_vsock
kata-runtime --version
