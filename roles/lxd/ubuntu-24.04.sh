#!/bin/bash
# LXD as its project ships it, a snap held on one channel; or Incus from Ubuntu's own packages.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "lxd/ubuntu-24.04.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

install_packages() {
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "$@"
}

case ${OPTION_FLAVOR:-lxd} in
  lxd)
    install_packages snapd
    systemctl --quiet enable --now snapd.socket
    # The snap gives its socket to this group, and does not make it.
    getent group lxd >/dev/null || groupadd --system lxd
    # snapd refuses work until it has read what the image brought.
    snap wait system seed.loaded
    channel=5.21/stable
    if snap list lxd >/dev/null 2>&1; then
      snap refresh lxd --channel="$channel"
    else
      snap install lxd --channel="$channel"
    fi
    # A snap would update itself, and restart every container, whenever it likes.
    snap refresh --hold lxd
    identity=/var/snap/lxd/common/lxd
    units=(snap.lxd.daemon.unix.socket snap.lxd.daemon.service)
    ;;
  incus)
    install_packages apparmor btrfs-progs dnsmasq-base incus incus-client nftables uidmap
    identity=/var/lib/incus
    units=(incus.socket incus.service)
    ;;
esac

# The server's own certificate, if installing started the server. It makes another when it starts without one.
if [ -e /var/lib/vmlab-build ] && [ ! -e /var/lib/vmlab/lxd-initialised ] && [ -e "$identity/server.crt" ]; then
  systemctl stop "${units[@]}"
  rm -f "$identity/server.crt" "$identity/server.key"
fi
