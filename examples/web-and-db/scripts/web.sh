#!/bin/bash
# A page with what the database knows. Env: PGHOST, PGUSER, PGDATABASE, PGPASSWORD.
set -euo pipefail

count=$(psql --no-align --tuples-only --command 'SELECT count(*) FROM machines')
echo "The database has run on $count machines." >/var/www/html/index.html
systemctl reload-or-restart nginx
