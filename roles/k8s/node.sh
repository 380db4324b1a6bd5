#!/bin/bash
# What Kubernetes asks of every node, whatever the distribution: kernel modules, forwarding, no swap
# (https://kubernetes.io/docs/setup/production-environment/container-runtimes/).
set -euo pipefail
umask 022

cat >/etc/modules-load.d/k8s.conf <<'END'
overlay
br_netfilter
END
modprobe -a overlay br_netfilter

cat >/etc/sysctl.d/99-k8s.conf <<'END'
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1
END
sysctl --quiet --load /etc/sysctl.d/99-k8s.conf

swapoff -a
sed -i -E 's/^([^#][^[:space:]]*[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]].*)$/# \1/' /etc/fstab
