#!/bin/sh
# First and only process of the sealing appliance: the kernel and the initial RAM disk of an image, with this script on
# top. Finds the root file system on /dev/vda, runs the seal script in it, unmounts, and powers off. What it
# says on the console is read by vmlab: lines that begin with "vmlab-seal:".
# The shell and the tools are those of somebody's initial RAM disk: klibc, busybox, or the system's own.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
root=/vmlab-root

say() { echo "vmlab-seal: $*"; }

finish() {
  say "$*"
  sync
  # Works everywhere and asks nobody; with -no-reboot the second one ends QEMU as well.
  echo o >/proc/sysrq-trigger
  sleep 5
  echo b >/proc/sysrq-trigger
  while :; do sleep 5; done
}

mkdir -p /proc /sys /dev "$root" 2>/dev/null
mount -t proc proc /proc 2>/dev/null
mount -t sysfs sysfs /sys 2>/dev/null
mount -t devtmpfs devtmpfs /dev 2>/dev/null
exec </dev/console >/dev/console 2>&1
# Nobody is to read what the kernel has to say between our own lines.
echo 3 >/proc/sys/kernel/printk 2>/dev/null

# Each for itself: what is built in, or of no use here, has no module.
for module in virtio_pci virtio_blk ext4 xfs btrfs; do modprobe $module 2>/dev/null; done

waited=0
while [ ! -b /dev/vda ]; do
  [ $waited -lt 30 ] || finish "failed: no disk: its kernel has no driver for virtio disks"
  sleep 1
  waited=$((waited + 1))
done
# Partitions appear together with the disk.

is_root() {
  [ -d "$root/etc" ] && [ -d "$root/usr" ] && { [ -e "$root/bin/sh" ] || [ -L "$root/bin/sh" ]; }
}

found=
for device in /dev/vda[0-9] /dev/vda[0-9][0-9] /dev/vda; do
  [ -b "$device" ] || continue
  for type in ext4 xfs btrfs; do
    mount -t $type -o ro "$device" "$root" 2>/dev/null || continue
    if is_root; then found="$device $type"; fi
    umount "$root"
    break
  done
  [ -z "$found" ] || break
done
[ -n "$found" ] || finish "failed: no root file system (ext4, xfs or btrfs) is on a partition of the disk"
device=${found% *}
type=${found#* }
mount -t "$type" -o rw "$device" "$root" || finish "failed: $device cannot be mounted"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t devtmpfs devtmpfs "$root/dev"
mount -t tmpfs tmpfs "$root/run"

# File systems of their own for /var, /home and the like; volumes that are not here fail, and are none of the image.
chroot "$root" /bin/sh -c 'mount -a -t ext2,ext3,ext4,xfs,btrfs' >/dev/null 2>&1
# shellcheck disable=SC2016 # expanded in there
chroot "$root" /bin/sh -c '[ ! -r /etc/os-release ] || { . /etc/os-release; echo "vmlab-seal: os $ID-$VERSION_ID"; }'

cat /vmlab-seal.sh >"$root/run/vmlab-seal.sh"
if chroot "$root" /bin/sh /run/vmlab-seal.sh; then result=sealed; else result="failed: the seal script ended with $?"; fi

chroot "$root" /bin/sh -c 'umount -a -t ext2,ext3,ext4,xfs,btrfs' >/dev/null 2>&1
sync
for each in run dev sys proc; do umount "$root/$each"; done
umount "$root" || finish "failed: the root file system cannot be unmounted"
finish "$result"
