#!/bin/bash
# Kata as a runtime of Debian's containerd, which is installed already.
set -euo pipefail
umask 022

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != debian-12 ]; then
  echo "kata/debian-12.sh is for Debian 12; this is $PRETTY_NAME" >&2
  exit 1
fi

# Debian's own file, with the runtime for clients of the CRI; ctr names it by its type.
new=$(mktemp)
cat >"$new" <<'END'
version = 2

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/usr/lib/cni"
      conf_dir = "/etc/cni/net.d"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      privileged_without_host_devices = true
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
        ConfigPath = "/opt/kata/share/defaults/kata-containers/configuration-qemu.toml"
  [plugins."io.containerd.internal.v1.opt"]
    path = "/var/lib/containerd/opt"
END
if ! cmp -s "$new" /etc/containerd/config.toml; then
  install -m 0644 "$new" /etc/containerd/config.toml
  systemctl restart containerd.service
fi
rm -f "$new"
systemctl --quiet enable containerd.service
