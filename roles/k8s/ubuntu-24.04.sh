#!/bin/bash
# containerd from Docker's repository (set up by docker/apt-repository.sh), and kubeadm, kubelet and kubectl from the
# Kubernetes project's own (https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/).
# The cluster itself is made in the VM, by kubeadm init or join.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "k8s/ubuntu-24.04.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

# 1.35 is the newest release of that series, 1.35.2 that release; apt takes patterns.
version=${OPTION_VERSION:-1.35}
case $version in
  *.*.*) series=${version%.*} pin="=$version-*" ;;
  *) series=$version pin="=$version.*" ;;
esac

install -d -m 0755 /etc/apt/keyrings
curl -fsSL --retry 5 --retry-delay 5 "https://pkgs.k8s.io/core:/stable:/v$series/deb/Release.key" |
  gpg --batch --yes --dearmor -o /etc/apt/keyrings/kubernetes-apt-keyring.gpg
chmod a+r /etc/apt/keyrings/kubernetes-apt-keyring.gpg
echo "deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] https://pkgs.k8s.io/core:/stable:/v$series/deb/ /" \
  >/etc/apt/sources.list.d/kubernetes.list
apt-get -qq -o DPkg::Lock::Timeout=300 update
apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --allow-change-held-packages install \
  containerd.io "kubelet$pin" "kubeadm$pin" "kubectl$pin" cri-tools kubernetes-cni
# Nodes of a cluster are upgraded by kubeadm, in its order.
apt-mark hold kubelet kubeadm kubectl >/dev/null

containerd=$(dpkg-query -W -f '${Version}' containerd.io)
if dpkg --compare-versions "$series" ge 1.36 && dpkg --compare-versions "$containerd" lt 2.2; then
  echo "Kubernetes $series needs containerd 2.2 or later; Docker's repository has containerd.io $containerd" >&2
  exit 1
fi

# The package's own configuration turns the CRI plugin off. This one has it on, runc in systemd's cgroups (one writer
# of the cgroup tree, as kubelet expects) and the pause image that kubeadm pulls.
release=$(kubeadm version -o short)
pause=$(kubeadm config images list --kubernetes-version "$release" | grep /pause:)
new=$(mktemp)
if dpkg --compare-versions "$containerd" ge 2; then
  cat >"$new" <<END
version = 3

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '$pause'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = true
END
else
  cat >"$new" <<END
version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
END
fi
if ! cmp -s "$new" /etc/containerd/config.toml; then
  install -d /etc/containerd
  install -m 0644 "$new" /etc/containerd/config.toml
  systemctl restart containerd.service
fi
rm -f "$new"
cat >/etc/crictl.yaml <<'END'
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
END

# Without a cluster kubelet would only start and fail, every few seconds. kubeadm starts it after writing this file.
install -d /etc/systemd/system/kubelet.service.d
cat >/etc/systemd/system/kubelet.service.d/20-vmlab.conf <<'END'
[Unit]
ConditionPathExists=/var/lib/kubelet/config.yaml
END
systemctl daemon-reload
systemctl --quiet enable containerd.service kubelet.service

# The control plane's images: a new node needs no download to become one.
for attempt in 1 2 3; do
  kubeadm config images pull --kubernetes-version "$release" \
    --cri-socket unix:///run/containerd/containerd.sock && break
  [ "$attempt" -lt 3 ] || exit 1
  sleep 10
done
kubeadm version -o short
