#!/bin/bash
# Joins this node to the cluster. Env: API, NODE_IP, TOKEN, CA_HASH.
set -euo pipefail
umask 077

[ ! -e /etc/kubernetes/kubelet.conf ] || exit 0

config=$(mktemp)
trap 'rm -f "$config"' EXIT
cat >"$config" <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: $API
    token: "$TOKEN"
    caCertHashes: ["$CA_HASH"]
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
    - {name: node-ip, value: "$NODE_IP"}
END
kubeadm join --config "$config"
