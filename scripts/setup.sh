#!/bin/sh
# Installs the programs that vmlab calls, through the system's package manager. Does nothing when all are there.
set -eu

usage() {
  cat <<'TEXT'
Usage: scripts/setup.sh [--tests] [--yes]

  --tests  also install what only the tests need
  --yes    install without asking

Without a terminal, or where CI is set, it does not ask.
TEXT
}

tests=no
yes=no
for argument in "$@"; do
  case $argument in
    --tests) tests=yes ;;
    --yes | -y) yes=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'setup: unknown option %s\n\n' "$argument" >&2; usage >&2; exit 2 ;;
  esac
done

# fdisk and mkfs live where the PATH of an ordinary user may not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# One line a package: who needs it, what shows that it is there (programs, statically linked programs, or files by
# pattern; one of them is enough), then its name for apt, dnf, pacman, zypper and brew ("-": not packaged there).
packages() {
  cat <<'TABLE'
run   qemu-system-x86_64                     qemu-system-x86    qemu-system-x86       qemu-system-x86  qemu-x86           qemu
run   qemu-img                               qemu-utils         qemu-img              qemu-img         qemu-tools         qemu
run   /usr/share/OVMF/OVMF_CODE*.fd|/usr/share/ovmf/OVMF.fd|/usr/share/edk2/*/OVMF_CODE*|/usr/share/edk2/*/*/OVMF_CODE*|/usr/share/qemu/ovmf-x86_64*|/usr/local/share/qemu/edk2-x86_64*|/opt/homebrew/share/qemu/edk2-x86_64* ovmf edk2-ovmf edk2-ovmf qemu-ovmf-x86_64 qemu
run   mmdebstrap                             mmdebstrap         mmdebstrap            -                -                  -
run   genisoimage|mkisofs                    genisoimage        genisoimage           cdrtools         mkisofs            cdrtools
run   xorriso                                xorriso            xorriso               libisoburn       xorriso            xorriso
run   sfdisk                                 fdisk              util-linux            util-linux       util-linux         -
run   mke2fs                                 e2fsprogs          e2fsprogs             e2fsprogs        e2fsprogs          e2fsprogs
run   /usr/lib/grub/i386-pc/*|/usr/lib/grub2/i386-pc/*|/usr/share/grub2/i386-pc/* grub-pc-bin grub2-pc-modules grub grub2-i386-pc -
run   /usr/lib/grub/x86_64-efi/*|/usr/lib/grub2/x86_64-efi/*|/usr/share/grub2/x86_64-efi/* grub-efi-amd64-bin grub2-efi-x64-modules grub grub2-x86_64-efi -
run   grub-install|grub2-install             grub2-common       grub2-tools           grub             grub2              -
run   mformat                                mtools             mtools                mtools           mtools             mtools
run   mkfs.fat                               dosfstools         dosfstools            dosfstools       dosfstools         dosfstools
run   ssh                                    openssh-client     openssh-clients       openssh          openssh-clients    openssh
run   zstd                                   zstd               zstd                  zstd             zstd               zstd
run   xz                                     xz-utils           xz                    xz               xz                 xz
run   openssl                                openssl            openssl               openssl          openssl            openssl@3
tests static:busybox                         busybox-static     busybox               busybox          busybox-static     -
tests dropbear                               dropbear-bin       dropbear              dropbear         dropbear           dropbear
tests cpio                                   cpio               cpio                  cpio             cpio               -
tests readelf                                binutils           binutils              binutils         binutils           -
tests shellcheck                             shellcheck         ShellCheck            shellcheck       ShellCheck         shellcheck
tests tmux                                   tmux               tmux                  tmux             tmux               tmux
tests zsh                                    zsh                zsh                   zsh              zsh                zsh
tests fish                                   fish               fish                  fish             fish               fish
TABLE
}

# present "qemu-img|/usr/share/x/*": whether one of the programs or files exists
present() (
  IFS='|'
  # shellcheck disable=SC2086  # splitting the alternatives and expanding their patterns is the point
  for candidate in $1; do
    case $candidate in
      /*) [ ! -e "$candidate" ] || exit 0 ;;
      static:*)
        program=$(command -v "${candidate#static:}" 2>/dev/null) || continue
        ldd "$program" >/dev/null 2>&1 || exit 0
        ;;
      *) ! command -v "$candidate" >/dev/null 2>&1 || exit 0 ;;
    esac
  done
  exit 1
)

manager=none
for candidate in apt-get dnf pacman zypper brew; do
  if command -v "$candidate" >/dev/null 2>&1; then
    manager=$candidate
    break
  fi
done

# Sets `names` to the packages to install, `unpackaged` to what this package manager does not have.
find_missing() {
  names=
  unpackaged=
  while read -r need evidence apt dnf pacman zypper brew; do
    [ "$need" = run ] || [ "$tests" = yes ] || continue
    ! present "$evidence" || continue
    case $manager in
      dnf) name=$dnf ;;
      pacman) name=$pacman ;;
      zypper) name=$zypper ;;
      brew) name=$brew ;;
      *) name=$apt ;;
    esac
    case " $names " in *" $name "*) continue ;; esac
    if [ "$name" = - ]; then
      program=${evidence%%|*}
      unpackaged="$unpackaged ${program#static:}"
    else
      names="$names $name"
    fi
  done <<TABLE
$(packages)
TABLE
  names=${names# }
  unpackaged=${unpackaged# }
}

report_unpackaged() {
  [ -z "$unpackaged" ] || printf 'setup: %s has no package for: %s. What needs them will say so.\n' "$manager" "$unpackaged"
}

find_missing
if [ -z "$names" ]; then
  report_unpackaged
  exit 0
fi

if [ "$manager" = none ]; then
  printf 'setup: found no package manager that it knows (apt, dnf, pacman, zypper, brew).\n' >&2
  printf 'Install these by hand (names as in Debian): %s\n' "$names" >&2
  exit 1
fi

as_root=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    printf 'setup: these packages are missing, and installing them needs root: %s\n' "$names" >&2
    printf 'Run scripts/setup.sh as root, or install sudo.\n' >&2
    exit 1
  fi
  as_root=sudo
fi

printf 'setup: installing with %s%s: %s\n' "${as_root:+sudo }" "$manager" "$names"
if [ "$yes" = no ] && [ -t 0 ] && [ -z "${CI:-}" ]; then
  printf 'Continue? [Y/n] '
  read -r answer
  case $answer in
    '' | [Yy]*) ;;
    *) printf 'setup: nothing was installed\n' >&2; exit 1 ;;
  esac
elif [ -n "$as_root" ] && [ ! -t 0 ]; then
  # Nobody is there to type a password: fail instead of waiting for one.
  as_root='sudo -n'
fi

# shellcheck disable=SC2086  # names and as_root are lists of words
case $manager in
  apt-get)
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names
    ;;
  dnf) $as_root dnf install -y $names ;;
  pacman) $as_root pacman -S --needed --noconfirm $names ;;
  zypper) $as_root zypper --non-interactive install $names ;;
  brew) brew install $names ;;
esac

find_missing
report_unpackaged
if [ -n "$names" ]; then
  printf 'setup: still missing after the installation: %s\n' "$names" >&2
  exit 1
fi
