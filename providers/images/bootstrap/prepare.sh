#!/bin/sh
# mmdebstrap's essential hook: places files that package installation reads. Called with the chroot's folder; the
# files lie in early/ beside this script.
set -eu
umask 022
root=$1
here=$(dirname "$0")

cp -R "$here/early/." "$root/"
