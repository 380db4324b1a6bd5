#!/bin/bash
# PostgreSQL with its data on the volume: made there once, and taken over by every later machine.
# Env: PASSWORD of the user shop; CLIENTS: the network that may connect.
set -euo pipefail

version=$(ls /usr/lib/postgresql)
data=/srv/postgresql/$version
current=$(pg_lsclusters --no-header | awk '{ print $6 }')
conf=/etc/postgresql/$version/main
if [ "$current" != "$data" ]; then
  # pg_createcluster takes data that are there over with the configuration that it finds beside them.
  if [ -d "$data" ] && [ -n "$current" ]; then
    cp "$conf"/{postgresql,pg_hba,pg_ident}.conf "$data"/
  fi
  [ -z "$current" ] || pg_dropcluster --stop "$version" main
  install -d -o postgres -g postgres /srv/postgresql
  # The user's number may be another one in a newer image.
  [ ! -d "$data" ] || chown -R postgres:postgres "$data"
  pg_createcluster --datadir "$data" "$version" main >/dev/null
fi
pg_conftool "$version" main set listen_addresses '*'
hba=$conf/pg_hba.conf
grep -q "shop.*$CLIENTS" "$hba" || echo "host shop shop $CLIENTS scram-sha-256" >>"$hba"
systemctl restart "postgresql@$version-main"

# On stdin: arguments can be read by everybody in the guest.
cd /
runuser -u postgres -- psql --quiet --set=ON_ERROR_STOP=1 <<END
SELECT 'CREATE ROLE shop LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop') \gexec
SELECT 'CREATE DATABASE shop OWNER shop' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'shop') \gexec
ALTER ROLE shop PASSWORD '$PASSWORD';
\connect shop
SET ROLE shop;
CREATE TABLE IF NOT EXISTS machines (started timestamptz NOT NULL DEFAULT now());
INSERT INTO machines DEFAULT VALUES;
END
