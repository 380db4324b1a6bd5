#!/bin/bash
# Docker's own apt repository, as https://docs.docker.com/engine/install/ubuntu/ sets it up.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
if [ "$ID-$VERSION_ID" != ubuntu-24.04 ]; then
  echo "docker/apt-repository.sh is for Ubuntu 24.04; this is $PRETTY_NAME" >&2
  exit 1
fi

# Ubuntu's builds of the same programs, which the repository's packages conflict with.
mapfile -t ubuntus < <(dpkg --get-selections docker.io docker-doc docker-compose docker-compose-v2 podman-docker \
  containerd runc 2>/dev/null | awk '$2 == "install" { print $1 }')
if [ "${#ubuntus[@]}" -gt 0 ]; then
  apt-get -qq -y -o DPkg::Lock::Timeout=300 remove "${ubuntus[@]}"
fi

install -d -m 0755 /etc/apt/keyrings
curl -fsSL --retry 5 --retry-delay 5 -o /etc/apt/keyrings/docker.asc https://download.docker.com/linux/ubuntu/gpg
chmod a+r /etc/apt/keyrings/docker.asc
cat >/etc/apt/sources.list.d/docker.sources <<END
Types: deb
URIs: https://download.docker.com/linux/ubuntu
Suites: $VERSION_CODENAME
Components: stable
Architectures: $(dpkg --print-architecture)
Signed-By: /etc/apt/keyrings/docker.asc
END
apt-get -qq -o DPkg::Lock::Timeout=300 update
