#!/bin/bash
# Makes this node the control plane. Env: NODE_IP, TOKEN; the certificate authority lies in /etc/kubernetes/pki.
set -euo pipefail
umask 077

# Made once; kubeadm refuses to begin on a node that is one already.
[ ! -e /etc/kubernetes/admin.conf ] || exit 0

# https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
config=$(mktemp)
trap 'rm -f "$config"' EXIT
cat >"$config" <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
  - token: "$TOKEN"
    ttl: 0s
localAPIEndpoint:
  advertiseAddress: $NODE_IP
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
    - {name: node-ip, value: "$NODE_IP"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $(kubeadm version -o short)
controlPlaneEndpoint: $API
apiServer:
  certSANs: [127.0.0.1]
networking:
  podSubnet: 10.244.0.0/16
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
END
kubeadm init --config "$config"

# Pods reach each other over the lab network: the first interface has the same address in every machine.
export KUBECONFIG=/etc/kubernetes/admin.conf
flannel=v0.27.4
manifest=$(mktemp)
trap 'rm -f "$config" "$manifest"' EXIT
curl -fsSL --retry 3 -o "$manifest" "https://github.com/flannel-io/flannel/releases/download/$flannel/kube-flannel.yml"
sed -i 's/^\( *\)- --kube-subnet-mgr$/&\n\1- --iface=lab0/' "$manifest"
grep -q -- '--iface=lab0' "$manifest"
kubectl apply -f "$manifest"
