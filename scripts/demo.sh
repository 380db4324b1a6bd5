#!/usr/bin/env bash
# The main job, shown: a lab is planned and applied, its VM is logged in to. The lab stays, so that you can go on.
#   scripts/demo.sh [FOLDER]     default: demo/ beside this repository's README
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
lab=${1:-$here/demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
vmlab() {
  printf '\n$ vmlab %s\n' "$*"
  node "$here/dist/vmlab.js" -C "$lab" "$@"
}

[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

if [ ! -e "$lab/lab.toml" ]; then
  mkdir -p "$lab"
  cp -R "$here/examples/single/." "$lab/"
fi

say "A lab is one file: $lab/lab.toml"
vmlab validate

say 'What would happen? (plan changes nothing)'
vmlab plan

say 'Make it so. The first time the Debian image is built from packages; that takes a minute or two.'
vmlab apply --yes

say 'The VM runs, and its SSH host key is known before the first login:'
vmlab list
# shellcheck disable=SC2016 # expanded in the guest
vmlab exec web -- 'echo "logged in to $(hostname) as $(id -un), $(. /etc/os-release && echo "$PRETTY_NAME")"'
name=$(node "$here/dist/vmlab.js" -C "$lab" exec web -- hostname)
[ "$name" = web ] || { echo "the guest calls itself \"$name\", not web" >&2; exit 1; }

say 'Nothing is left to do:'
vmlab plan

cat <<TEXT

Go on from here (in $lab):
  vmlab ssh web             log in
  \$EDITOR lab.toml          change memory, disk, ports …, then: vmlab plan, vmlab apply
  vmlab stop web            stop it; vmlab start web starts it again
  vmlab destroy             remove the lab; the image stays in the store

vmlab is $here/dist/vmlab.js; \`npm link\` puts it on your PATH.
TEXT
