#!/bin/bash
# A network for the containers of this node, and the way to those of the others. Env: NODE_IP, POD_SUBNET, NODES.
set -euo pipefail

cat >/etc/cni/net.d/10-pods.conflist <<END
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "pods0",
      "isGateway": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "$POD_SUBNET" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    }
  ]
}
END

# Routes are gone after a reboot: a unit sets them at every boot.
{
  echo '#!/bin/sh'
  number=0
  for node in $NODES; do
    number=$((number + 1))
    [ "$node" = "$NODE_IP" ] || echo "ip route replace 10.200.$number.0/24 via $node"
  done
} >/usr/local/sbin/pod-routes
chmod 755 /usr/local/sbin/pod-routes
cat >/etc/systemd/system/pod-routes.service <<'END'
[Unit]
Description=Routes to the containers of the other nodes
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/pod-routes

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet pod-routes.service
systemctl restart pod-routes.service
