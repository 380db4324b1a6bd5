#!/bin/sh
# A page for one student, served by what every Debian with cloud-init has.
set -eu
mkdir -p /srv/page
echo "<h1>The server of $STUDENT</h1>" > /srv/page/index.html
cat > /etc/systemd/system/page.service <<UNIT
[Unit]
Description=A page
[Service]
ExecStart=/usr/bin/python3 -m http.server 80 --directory /srv/page
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now page.service
