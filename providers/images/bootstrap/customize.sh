#!/bin/sh
# mmdebstrap's customise hook: turns the installed packages into a bootable, unidentified image. Called with the
# chroot's folder. Beside this script lie guest/ (files to place), masked-units and enabled-units (one name a line).
set -eu
umask 022
root=$1
here=$(dirname "$0")

cp -R "$here/guest/." "$root/"
mkdir -p "$root/boot/efi" "$root/etc/systemd/system"

while read -r unit; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done <"$here/masked-units"
while read -r unit; do
  chroot "$root" systemctl --quiet enable "$unit"
done <"$here/enabled-units"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# GRUB's own image for each firmware, made by the guest's GRUB, so that its modules fit it for good. What is built in
# boots the system; the rest of the modules is for the grub.cfg that update-grub writes.
common='part_gpt part_msdos ext2 search search_fs_uuid normal configfile linux serial terminal echo test ls cat
  reboot halt minicmd loadenv'
make_grub_image() {
  platform=$1 image=$2
  shift 2
  mkdir -p "$root/boot/grub/$platform"
  cp "$root/usr/lib/grub/$platform/"*.mod "$root/usr/lib/grub/$platform/"*.lst "$root/boot/grub/$platform/"
  # shellcheck disable=SC2086  # the module names are separate words
  chroot "$root" grub-mkimage -O "$platform" -p /boot/grub -c /boot/grub/early.cfg \
    -o "/boot/grub/$platform/$image" $common "$@"
}
make_grub_image i386-pc core.img biosdisk
make_grub_image x86_64-efi grubx64.efi fat efi_gop
cp "$root/usr/lib/grub/i386-pc/boot.img" "$root/boot/grub/i386-pc/"

# Identity and traces of the build. The host keys are made by cloud-init at first boot; an empty machine-id is filled
# by systemd.
rm -f "$root"/etc/ssh/ssh_host_*
rm -rf "$root/var/lib/cloud" "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
mkdir -p "$root/var/lib/cloud"
: >"$root/etc/machine-id"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old
find "$root/var/log" -type f -exec truncate --size 0 {} +
