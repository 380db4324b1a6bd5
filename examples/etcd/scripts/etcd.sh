#!/bin/bash
# etcd as Debian runs it, as a member of a cluster. Env: NODE_NAME, NODE_IP, PEERS.
set -euo pipefail

cat >/etc/default/etcd <<END
ETCD_NAME=$NODE_NAME
ETCD_DATA_DIR=/var/lib/etcd/lab
ETCD_LISTEN_PEER_URLS=http://$NODE_IP:2380
ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379,http://$NODE_IP:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://$NODE_IP:2380
ETCD_ADVERTISE_CLIENT_URLS=http://$NODE_IP:2379
ETCD_INITIAL_CLUSTER=$PEERS
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_CLUSTER_TOKEN=lab
ETCD_HEARTBEAT_INTERVAL=500
ETCD_ELECTION_TIMEOUT=5000
END
systemctl enable --quiet etcd
# It is up only when a majority is: not waited for here, or the first member would wait for the others for ever.
systemctl restart --no-block etcd
