#!/bin/bash
# containerd with its CRI plugin, runc, the CNI plugins and a bridge for containers, from Debian's packages, which are
# installed already.
set -euo pipefail
umask 022

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != debian-12 ]; then
  echo "k8s/debian-12.sh is for Debian 12; this is $PRETTY_NAME" >&2
  exit 1
fi

# Debian's own file, with runc in systemd's cgroups: one writer of the cgroup tree, as kubelet expects.
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
  [plugins."io.containerd.internal.v1.opt"]
    path = "/var/lib/containerd/opt"
END
if ! cmp -s "$new" /etc/containerd/config.toml; then
  install -m 0644 "$new" /etc/containerd/config.toml
  systemctl restart containerd.service
fi
rm -f "$new"
systemctl --quiet enable containerd.service

# Where cluster networks install their plugins and everybody but Debian looks for them.
install -d /opt/cni
[ -e /opt/cni/bin ] || ln -s /usr/lib/cni /opt/cni/bin

# A network for the containers of this machine. Files are taken in the order of their names: that of a real cluster
# network, such as 10-flannel.conflist, goes first.
install -d /etc/cni/net.d
cat >/etc/cni/net.d/90-bridge.conflist <<'END'
{
  "cniVersion": "1.0.0",
  "name": "bridge",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "10.88.0.0/16" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
END
containerd --version
