/** What a guest is asked to do with its volumes and shared folders, as a POSIX shell script that runs as root. */

/** Exit codes by which the script says what stands in the way; its output says more. */
export const MOUNTS_EXIT = { busy: 10, noNinep: 11, otherContent: 12, noTool: 13 } as const;

/**
 * Reads from stdin, one a line, fields by blanks, `-` for none:
 *
 *     release SERIAL                                              a disk that is about to be taken away
 *     volume SERIAL BYTES FILESYSTEM MOUNT ro|rw OWNER MODE
 *     share TAG MOUNT ro|rw
 *
 * A block of its own in /etc/fstab holds what is mounted; what was in it and is no longer wanted there is unmounted first,
 * and mounted again when something else is in use. A disk is formatted only when its first MiB is empty and blkid
 * finds nothing in it, or when vmlab's own mark says that formatting it was cut off.
 */
export const MOUNTS_SCRIPT = `
set -u
f=/etc/fstab
begin='# vmlab: volumes'
end='# vmlab: end of volumes'
mark='vmlab is formatting this volume'
t=$(mktemp -d /tmp/vmlab.XXXXXX) || exit 1
trap 'rm -rf "$t"' EXIT
cat >"$t/want"
: >"$t/fstab"
: >"$t/undone"
[ -e "$f" ] || : >"$f"
stop() { code=$1; shift; printf '%s\\n' "$*" >&2; exit "$code"; }
disk() {
  for s in /sys/block/*/serial; do
    [ "$(cat "$s" 2>/dev/null)" = "$1" ] || continue
    s=\${s%/serial}
    echo "/dev/\${s##*/}"
    return 0
  done
  return 1
}
await_disk() {
  i=0
  until disk "$1"; do
    i=$((i + 1))
    [ $i -lt 300 ] || return 1
    sleep 0.1
  done
}
await_size() {
  i=0
  until [ $(($(cat "/sys/block/\${1##*/}/size") * 512)) -ge "$2" ]; do
    i=$((i + 1))
    [ $i -lt 100 ] || return 1
    sleep 0.1
  done
}
users() {
  for p in /proc/[0-9]*; do
    for l in "$p/cwd" "$p/root" "$p/exe" "$p"/fd/*; do
      case $(readlink "$l" 2>/dev/null) in
        "$1" | "$1"/*) echo "\${p#/proc/} ($(cat "$p/comm" 2>/dev/null))"; break ;;
      esac
    done
  done | head -n 5
}
release() {
  grep -q " $1 " /proc/mounts || return 0
  said=$(umount "$1" 2>&1) && { echo "$1" >>"$t/undone"; return 0; }
  used=$(users "$1" | tr '\\n' ' ')
  while read -r m; do mount "$m" 2>/dev/null; done <"$t/undone"
  stop ${MOUNTS_EXIT.busy} "$1 is in use\${used:+ by }$used$([ -n "$used" ] || echo ": $said")"
}
wanted_at() { awk -v m="$1" '($1 == "volume" && $5 == m) || ($1 == "share" && $3 == m) { print $2 }' "$t/want"; }
mounted_at() { awk -v m="$1" '$2 == m { d = $1 } END { print d }' /proc/mounts; }

sed -n "/^$begin\\$/,/^$end\\$/p" "$f" | awk '$1 !~ /^#/ { print $2 }' | sort -r >"$t/had"
while read -r m; do
  source=$(wanted_at "$m")
  now=$(mounted_at "$m")
  if [ -z "$source" ] || { [ "$now" != "$source" ] && [ "$now" != "$(disk "$source")" ]; }; then release "$m"; fi
done <"$t/had" || exit $?
while read -r kind serial _; do
  [ "$kind" = release ] || continue
  dev=$(disk "$serial") || continue
  for h in "/sys/block/\${dev##*/}"/holders/* "/sys/block/\${dev##*/}"/*/holders/*; do
    [ ! -e "$h" ] || stop ${MOUNTS_EXIT.busy} "$dev is in use by \${h##*/}"
  done
  ! grep -q "^$dev[0-9p]* " /proc/swaps || stop ${MOUNTS_EXIT.busy} "$dev is swap space"
  awk -v d="$dev" 'index($1, d) == 1 { print $2 }' /proc/mounts | sort -r >"$t/mounted"
  while read -r m; do release "$m"; done <"$t/mounted" || exit $?
done <"$t/want" || exit $?

while read -r kind a b c d e owner mode; do
  case $kind in
  volume)
    serial=$a bytes=$b fs=$c m=$d access=$e
    dev=$(await_disk "$serial") || stop 1 "there is no disk with the serial number $serial"
    command -v blkid >/dev/null 2>&1 || stop ${MOUNTS_EXIT.noTool} "blkid is missing in the guest"
    await_size "$dev" "$bytes" || echo "$dev did not become as big as it should"
    type=$(blkid -p -s TYPE -o value "$dev" 2>/dev/null)
    if [ -z "$type" ]; then
      if [ "$(head -c \${#mark} "$dev" | tr -d '\\0')" != "$mark" ]; then
        # 2: nothing found; 8, more than one thing found, is not nothing.
        blkid -p "$dev" >/dev/null 2>&1
        [ $? -eq 2 ] && [ "$(head -c 1048576 "$dev" | tr -d '\\0' | head -c 1 | wc -c)" -eq 0 ] ||
          stop ${MOUNTS_EXIT.otherContent} "$dev holds data, but no file system that blkid knows"
      fi
      [ "$access" = rw ] || stop ${MOUNTS_EXIT.otherContent} "$dev is empty, and read-only here"
      command -v "mkfs.$fs" >/dev/null 2>&1 || stop ${MOUNTS_EXIT.noTool} "mkfs.$fs is missing in the guest"
      printf '%s\\n' "$mark" | dd of="$dev" conv=notrunc 2>/dev/null && sync
      case $fs in ext4) force=-F ;; *) force=-f ;; esac
      said=$("mkfs.$fs" -q "$force" "$dev" 2>&1) || stop 1 "mkfs.$fs failed: $said"
      sync
      ! command -v udevadm >/dev/null 2>&1 || udevadm settle -t 10
      type=$fs
    fi
    [ "$type" = "$fs" ] || stop ${MOUNTS_EXIT.otherContent} "$dev holds $type, and lab.toml says $fs"
    uuid=$(blkid -p -s UUID -o value "$dev")
    [ -n "$uuid" ] || stop 1 "the file system in $dev has no UUID"
    case $fs in ext4) pass=2 ;; *) pass=0 ;; esac
    case $access in ro) options=nofail,ro pass=0 ;; *) options=nofail ;; esac
    echo "UUID=$uuid $m $fs $options 0 $pass" >>"$t/fstab"
    ;;
  share)
    tag=$a m=$b access=$c
    modprobe 9pnet_virtio 2>/dev/null
    grep -qw 9p /proc/filesystems || modprobe 9p 2>/dev/null
    grep -qw 9p /proc/filesystems || stop ${MOUNTS_EXIT.noNinep} "the kernel $(uname -r) has no 9p"
    case $access in ro) options=,ro ;; *) options= ;; esac
    echo "$tag $m 9p trans=virtio,version=9p2000.L,msize=512000,nofail$options 0 0" >>"$t/fstab"
    ;;
  esac
done <"$t/want" || exit $?

{
  sed "/^$begin\\$/,/^$end\\$/d" "$f"
  [ ! -s "$t/fstab" ] || { echo "$begin"; cat "$t/fstab"; echo "$end"; }
} >"$f.vmlab" && chmod 644 "$f.vmlab" && mv "$f.vmlab" "$f" || exit 1
! command -v systemctl >/dev/null 2>&1 || systemctl daemon-reload 2>/dev/null

# What is mounted inside another comes after it.
awk '$1 == "volume" { print $5, "volume", $2, $4, $6, $7, $8 } $1 == "share" { print $3, "share", $2, "9p", $4 }' "$t/want" |
  sort >"$t/order"
while read -r m kind source fs access owner mode; do
  mkdir -p "$m" || exit 1
  now=$(mounted_at "$m")
  case $kind in volume) dev=$(disk "$source") ;; *) dev=$source ;; esac
  if [ -z "$now" ]; then
    said=$(mount "$m" 2>&1) || stop 1 "$m cannot be mounted: $said"
  elif [ "$now" != "$dev" ]; then stop ${MOUNTS_EXIT.busy} "$m is in use: $now is mounted there"
  fi
  [ "$kind" = volume ] && [ "$access" = rw ] || continue
  case $fs in
    ext4) ! command -v resize2fs >/dev/null 2>&1 || resize2fs "$dev" >/dev/null 2>&1 ;;
    xfs) xfs_growfs "$m" >/dev/null ;;
    btrfs) btrfs filesystem resize max "$m" >/dev/null ;;
  esac || stop 1 "the file system at $m cannot be grown"
  [ "$owner" = - ] || chown "$owner" "$m" || exit 1
  [ "$mode" = - ] || chmod "$mode" "$m" || exit 1
done <"$t/order" || exit $?
sync`;
