#!/bin/bash
# Builds the tiny test guest: a BIOS disk with a Debian kernel, busybox and dropbear that honours vmlab's seed.
#   tiny-guest.sh FOLDER [KERNEL-PACKAGE]
# makes FOLDER/tiny.qcow2. Needs no root, no loop device and no mount.
# Programs: apt-get and dpkg-deb, busybox (static), dropbear and dropbearconvert, cpio, mke2fs, resize2fs, blkid, sfdisk,
# partx, grub-mkimage with the i386-pc modules, qemu-img, strip.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
out=${1:?the folder to make}
kernel=${2:-linux-image-cloud-amd64}
grub=/usr/lib/grub/i386-pc
size_mb=64
work=$(mktemp -d "${TMPDIR:-/tmp}/vmlab-tiny.XXXXXX")
trap 'rm -rf "$work"' EXIT
exec 3>&1 >"$work/log" 2>&1
trap 'status=$?; [ $status = 0 ] || tail -n 30 "$work/log" >&3; rm -rf "$work"; exit $status' EXIT

# ---- the kernel: the package that the named one depends on now
cd "$work"
package=$(apt-cache depends "$kernel" | sed -n 's/^ *Depends: *\(linux-image-[^ ]*\)/\1/p' | head -n 1)
[ -n "$package" ]
# The download user of apt may not write to a private folder; the package is then fetched as the caller.
apt-get -q download "$package"
dpkg-deb -x "$package"_*.deb kernel
version=$(ls kernel/lib/modules)
modules=kernel/lib/modules/$version/kernel

# module NAME FOLDER: copies a module after those that it depends on, numbered in the order to load them
loaded=
module() {
  local name=${1//-/_} file dep
  case " $loaded " in *" $name "*) return ;; esac
  file=$(find "$modules" -name "${name}.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
  if [ -z "$file" ]; then echo "$name is built in"; return 0; fi
  case $file in
    *.xz) xz -d "$file"; file=${file%.xz} ;;
    *.zst) zstd -q -d --rm "$file"; file=${file%.zst} ;;
  esac
  for dep in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr ',' ' '); do module "$dep" "$2"; done
  loaded="$loaded $name"
  mkdir -p "$2"
  strip -g -o "$2/$((100 + $(ls "$2" | wc -l)))-$name.ko" "$file"
}

# ---- the initial RAM disk: finds the root partition
busybox=$(command -v busybox)
mkdir -p initrd/bin initrd/dev initrd/proc initrd/sys initrd/new
cp "$busybox" initrd/bin/busybox
for m in virtio_pci virtio_blk crc32c_generic ext4; do module $m initrd/m; done
# As in every distribution's RAM disk: a shell and its tools by name, and modules for modprobe. The sealing of exports
# boots with it. Each module is said to need all before it, of which the last is loaded first.
for applet in sh cat chroot mkdir modprobe mount sleep sync umount; do ln -s busybox initrd/bin/$applet; done
mkdir -p "initrd/lib/modules/$version"
earlier=
for file in initrd/m/*.ko; do
  name=${file##*/*-}
  mv "$file" "initrd/lib/modules/$version/$name"
  echo "$name: $earlier" >>"initrd/lib/modules/$version/modules.dep"
  earlier="$name $earlier"
done
rmdir initrd/m
cat >initrd/init <<'EOF'
#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc; busybox mount -t sysfs sys /sys; busybox mount -t devtmpfs dev /dev
busybox modprobe -a virtio_pci virtio_blk
for m in crc32c_generic ext4; do busybox modprobe $m 2>/dev/null; done
i=0
while [ ! -b /dev/vda1 ] && [ $i -lt 100 ]; do busybox sleep 0.1; i=$((i + 1)); done
busybox mount -t ext4 -o rw,noatime /dev/vda1 /new || exec busybox sh
for d in proc sys dev; do busybox mount --move /$d /new/$d; done
exec busybox switch_root /new /sbin/init
EOF
chmod +x initrd/init

# ---- the root file system
r=$work/root
mkdir -p "$r"/{bin,sbin,dev/pts,proc,sys,tmp,run,root,home,var/tmp,var/log,var/lib/tiny,boot/grub}
mkdir -p "$r"/{usr/bin,usr/sbin,etc/dropbear,etc/acpi/PWRF,lib/modules,lib64}
chmod 1777 "$r/tmp" "$r/var/tmp"
cp "$busybox" "$r/bin/busybox"
for applet in $("$busybox" --list); do [ -e "$r/bin/$applet" ] || ln -s busybox "$r/bin/$applet"; done
for m in virtio_net virtio_console virtio_rng isofs nls_utf8 button evdev 9pnet_virtio 9p; do module $m "$r/lib/modules"; done
rm -f "$r"/bin/{resize2fs,blkid,sfdisk,partx}
for program in dropbear dropbearkey dropbearconvert resize2fs mkfs.ext4 blkid sfdisk partx; do
  path=$(command -v $program)
  cp -L "$path" "$r/usr/sbin/$program"
  for lib in $(ldd "$path" | grep -oE '/[^ )]+\.so[^ )]*' | sort -u); do
    mkdir -p "$r$(dirname "$lib")"
    [ -e "$r$lib" ] || cp -L "$lib" "$r$lib"
  done
done
for lib in /lib/x86_64-linux-gnu/libnss_files.so.2; do [ ! -e $lib ] || cp -Ln $lib "$r$lib"; done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$r/etc/passwd"
printf 'root:x:0:\n' >"$r/etc/group"
printf '/bin/sh\n' >"$r/etc/shells"
printf 'root:*:19000:0:99999:7:::\n' >"$r/etc/shadow"
chmod 600 "$r/etc/shadow"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$r/etc/nsswitch.conf"
printf 'nameserver 10.0.2.3\n' >"$r/etc/resolv.conf"
ln -s ../bin/busybox "$r/sbin/init"
cat >"$r/etc/inittab" <<'EOF'
::sysinit:/etc/rc
::respawn:/usr/sbin/dropbear -F -R -E -j -k -p 22
ttyS0::askfirst:-/bin/sh
::ctrlaltdel:/bin/reboot
::shutdown:/bin/umount -a -r
EOF
cat >"$r/etc/rc" <<'EOF'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts -o mode=620,ptmxmode=666
mount -t tmpfs tmpfs /run
for m in /lib/modules/*.ko; do insmod $m; done
ip link set lo up
mkdir -p /run/seed
for d in /dev/vd[b-z]; do
  [ -b $d ] || continue
  mount -r -t iso9660 $d /run/seed 2>/dev/null || continue
  [ -f /run/seed/meta-data ] && break
  umount /run/seed
done
# What a NoCloud seed says is done once for each instance.
id=$(sed -n 's/^instance-id: *//p' /run/seed/meta-data)
if [ -n "$id" ] && [ "$id" != "$(cat /var/lib/tiny/instance 2>/dev/null)" ]; then
  sed -n 's/^local-hostname: *//p' /run/seed/meta-data >/etc/hostname
  s=/run/seed/user-data
  # A user is a second name of uid 0: nobody guards anything in this guest.
  u=$(sed -n 's/^ *- name: *//p' $s | head -n 1)
  p=$(sed -n 's/^ *hashed_passwd: *"\(.*\)"$/\1/p' $s)
  if [ "$u" != root ]; then
    mkdir -p /home/$u
    echo "$u:x:0:0::/home/$u:/bin/sh" >>/etc/passwd
    echo "$u:*:19000:0:99999:7:::" >>/etc/shadow
  fi
  [ -z "$p" ] || echo "$u:$p" | chpasswd -e
  h=/home/$u; [ "$u" != root ] || h=/root
  mkdir -p -m 700 $h/.ssh
  awk '/ssh_authorized_keys:/ { on = 1; next } on && /^ *- "/ { sub(/^ *- "/, ""); sub(/"$/, ""); print; next } { on = 0 }' \
    $s >$h/.ssh/authorized_keys
  chmod 600 $h/.ssh/authorized_keys
  umask 077
  awk '/ed25519_private: \|/ { on = 1; next } on && /^    / { sub(/^    /, ""); print; next } { on = 0 }' $s >/run/host_key
  umask 022
  dropbearconvert openssh dropbear /run/host_key /etc/dropbear/dropbear_ed25519_host_key
  echo "$id" >/var/lib/tiny/instance
  sync
fi
hostname -F /etc/hostname
ip link set eth0 up
udhcpc -i eth0 -n -q -t 5 -s /etc/udhcpc.sh >/run/udhcpc 2>&1 &
# Its lab networks, at every boot: they may be others by now.
awk -F'"' '/macaddress:/ { mac = $2 } /addresses:/ { ip = $2 } /mtu:/ { sub(/.*mtu: /, ""); print mac, ip, $0 }' \
  /run/seed/network-config | while read -r mac address mtu; do
  for n in /sys/class/net/*; do
    [ "$(cat $n/address)" = "$mac" ] || continue
    ip link set ${n##*/} mtu $mtu up
    ip addr add $address dev ${n##*/}
  done
done
umount /run/seed
# Its volumes, as vmlab left them in fstab.
[ ! -e /etc/fstab ] || mount -a
acpid -l /dev/null
EOF
cat >"$r/etc/udhcpc.sh" <<'EOF'
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr add $ip/${mask:-24} dev $interface
for x in $router; do ip route add default via $x dev $interface; break; done
EOF
printf '#!/bin/sh\npoweroff\n' >"$r/etc/acpi/PWRF/00000080"
cat >"$r/usr/bin/sudo" <<'EOF'
#!/bin/sh
while :; do
  case $1 in --) shift; break ;; -*) shift ;; *) break ;; esac
done
export HOME=/root USER=root LOGNAME=root
exec "$@"
EOF
# Only what vmlab asks of it: growpart DISK NUMBER.
cat >"$r/usr/bin/growpart" <<'EOF'
#!/bin/sh
export PATH=/usr/sbin:/bin
echo ',+' | sfdisk -q --no-reread --no-tell-kernel -N "$2" "$1" || exit 1
partx -u "$1"
echo CHANGED
EOF
# Only what vmlab asks of it: USER:HASH on stdin, with -e.
cat >"$r/usr/sbin/chpasswd" <<'EOF'
#!/bin/sh
while IFS=: read -r user hash; do
  awk -F: -v OFS=: -v u="$user" -v h="$hash" '$1 == u { $2 = h } { print }' /etc/shadow >/etc/shadow.new || exit 1
  chmod 600 /etc/shadow.new
  mv /etc/shadow.new /etc/shadow
done
EOF
chmod +x "$r/usr/sbin/chpasswd" "$r/etc/rc" "$r/etc/udhcpc.sh" "$r/etc/acpi/PWRF/00000080" "$r/usr/bin/sudo" "$r/usr/bin/growpart"
(cd initrd && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$r/boot/initrd.gz"
cp "kernel/boot/vmlinuz-$version" "$r/boot/vmlinuz"
cat >"$r/boot/grub/grub.cfg" <<'EOF'
set timeout=0
linux /boot/vmlinuz console=ttyS0 quiet net.ifnames=0 mitigations=off no_timer_check
initrd /boot/initrd.gz
boot
EOF

# ---- the disk: partition at 1 MiB, GRUB's core image in the gap before it
mke2fs -q -F -t ext4 -L tinyroot -m 0 -b 4096 -E root_owner=0:0,resize=4194304 -O ^64bit,^metadata_csum \
  -d "$r" part.img $(((size_mb - 2) * 1024))k
truncate -s ${size_mb}M disk.raw
printf 'label: dos\n2048 %s L *\n' $(((size_mb - 2) * 2048)) | sfdisk -q disk.raw
dd if=part.img of=disk.raw bs=1M seek=1 conv=notrunc,sparse status=none
printf 'set root=(hd0,msdos1)\nconfigfile /boot/grub/grub.cfg\n' >early.cfg
grub-mkimage -O i386-pc -d $grub -p '(hd0,msdos1)/boot/grub' -c early.cfg -o core.img \
  biosdisk part_msdos ext2 linux normal configfile boot
# What grub-bios-setup would write: boot.img holds the sector of core.img at 0x5c; core.img's first sector ends with
# a block list: the sector of the rest, their number, the segment to load them to.
le() { # le BYTES VALUE: a little-endian number
  local n=$1 v=$2
  while [ $n -gt 0 ]; do printf "\\x$(printf %02x $((v & 255)))"; v=$((v >> 8)); n=$((n - 1)); done
}
sectors=$((($(stat -c %s core.img) + 511) / 512))
[ $sectors -lt 2047 ]
{ le 8 2; le 2 $((sectors - 1)); le 2 $((0x820)); } | dd of=core.img bs=1 seek=500 conv=notrunc status=none
head -c 440 $grub/boot.img >boot.img
le 8 1 | dd of=boot.img bs=1 seek=$((0x5c)) conv=notrunc status=none
dd if=boot.img of=disk.raw conv=notrunc status=none
dd if=core.img of=disk.raw bs=512 seek=1 conv=notrunc status=none

# ---- there whole, or not at all
mkdir -p "$(dirname "$out")"
new=$out.new.$$
rm -rf "$new"
mkdir "$new"
qemu-img convert -f raw -O qcow2 disk.raw "$new/tiny.qcow2"
mv -T "$new" "$out"
