/**
 * Brings a running guest's keys, password, name, names of others, mounts and file system to what is declared, over SSH.
 */
import { fail } from "../../engine/diagnostics.ts";
import type { VmSpec } from "../provider.ts";
import type { QemuContext } from "./context.ts";
import { indent } from "./evidence.ts";
import { HOSTS_SCRIPT, hostLines, hostsMark } from "./guest-hosts.ts";
import { asRoot, runInGuest } from "./guest-shell.ts";
import { hashPassword } from "./password-hash.ts";
import { type RunningMachine, stretched } from "./ready.ts";
import { authorizedKeys, labKey } from "./ssh-keys.ts";
import { type GuestRecord, readGuestRecord, readVmRecord, writeRecord } from "./vm-folder.ts";
import { tellMounts } from "./volume/mounts.ts";

/**
 * Reads lines of `-KEY` and `+KEY` from stdin. Keys that vmlab did not bring stay. Written beside and renamed, so
 * that a guest that dies half-way can still be logged in to.
 */
const KEYS_SCRIPT = `
set -e
home=$(awk -F: -v u="$1" '$1 == u { print $6 }' /etc/passwd)
[ -n "$home" ]
umask 077
mkdir -p "$home/.ssh"
f=$home/.ssh/authorized_keys
[ -e "$f" ] || : >"$f"
cp "$f" "$f.vmlab"
[ -z "$(tail -c 1 "$f.vmlab")" ] || echo >>"$f.vmlab"
while IFS= read -r line; do
  key=\${line#?}
  body=$(printf %s "$key" | cut -d ' ' -f 1,2)
  case $line in
    -*) grep -vF "$body" "$f.vmlab" >"$f.vmlab2" || :; mv "$f.vmlab2" "$f.vmlab" ;;
    +*) grep -qF "$body" "$f.vmlab" || printf '%s\\n' "$key" >>"$f.vmlab" ;;
  esac
done
chmod 600 "$f.vmlab"
chown -R "$(stat -c %u "$home"):$(stat -c %g "$home")" "$home/.ssh"
mv "$f.vmlab" "$f"
sync`;

/** Reads \`user:hash\` from stdin. sshd takes the first value it reads, so a low number goes before cloud-init's. */
const PASSWORD_SCRIPT = `
set -e
chpasswd -e
if [ -d /etc/ssh/sshd_config.d ]; then
  printf 'PasswordAuthentication %s\\n' "$1" >/etc/ssh/sshd_config.d/10-vmlab.conf
  if command -v systemctl >/dev/null 2>&1; then
    systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || :
  fi
fi
sync`;

/** Grows the root file system into its partition and that into the disk, as far as the guest has the tools. */
const GROW_SCRIPT = `
root=$(awk '$2 == "/" && $1 ~ /^\\/dev\\// { d = $1; t = $3 } END { print d, t }' /proc/mounts)
dev=\${root% *}; type=\${root#* }
[ -b "$dev" ] || { echo "no block device under /"; exit 0; }
name=$(basename "$(readlink -f "$dev")")
part=$(cat "/sys/class/block/$name/partition" 2>/dev/null || :)
if [ -n "$part" ]; then
  disk=/dev/$(basename "$(dirname "$(readlink -f "/sys/class/block/$name")")")
  if command -v growpart >/dev/null 2>&1; then
    out=$(growpart "$disk" "$part" 2>&1) || case $out in *NOCHANGE*) ;; *) echo "$out"; exit 1 ;; esac
  else echo "growpart is missing in the guest"; exit 0
  fi
fi
case $type in
  ext2|ext3|ext4) command -v resize2fs >/dev/null 2>&1 || { echo "resize2fs is missing in the guest"; exit 0; }; resize2fs "$dev" 2>&1 ;;
  xfs) xfs_growfs / 2>&1 ;;
  btrfs) btrfs filesystem resize max / 2>&1 ;;
  *) echo "$type file systems are not grown"; exit 0 ;;
esac`;

/** The guest's own name, at once and for its next start; cloud-init leaves alone what it did not set itself. */
const NAME_SCRIPT = `
set -e
old=$(hostname)
printf '%s\\n' "$1" >/etc/hostname
hostname "$1"
if [ -e /etc/hosts ] && [ -n "$old" ]; then
  sed "s/\\([[:space:]]\\)$old\\([[:space:].]\\|$\\)/\\1$1\\2/g" /etc/hosts >/etc/hosts.vmlab
  cat /etc/hosts.vmlab >/etc/hosts
  rm /etc/hosts.vmlab
fi
sync`;

const STEP_MS = 120_000;

/** What differs from guest.json is brought to the guest, and recorded when it is there. */
export async function bringGuestUpToDate(
  context: QemuContext,
  running: RunningMachine,
  spec: VmSpec,
  signal: AbortSignal,
): Promise<void> {
  const { effects, home } = context;
  const { folder } = running;
  let record: GuestRecord = (await readGuestRecord(effects, folder)) ?? { version: 1, keys: [], disk: 0 };
  const keep = async (change: GuestRecord): Promise<void> => {
    record = change;
    await writeRecord(effects, folder.guest, record);
  };

  if (spec.partial !== true) {
    // An imported machine goes on being reached with the key of the lab that made it.
    const keys = await authorizedKeys(effects, await labKey(effects, home, running.vm.lab), spec.keys);
    const lines = keyChanges(record.keys, keys);
    if (lines.length > 0) {
      await root(
        context,
        running,
        "its authorized keys",
        KEYS_SCRIPT,
        [spec.user],
        `${lines.join("\n")}\n`,
        signal,
      );
      await keep({ ...record, keys });
    }

    const hash =
      spec.password === undefined || spec.password === ""
        ? undefined
        : await hashPassword(effects, spec.password, spec.id);
    if (hash !== record.passwordHash) {
      const args = [hash === undefined ? "no" : "yes"];
      const input = `${spec.user}:${hash ?? "!"}\n`;
      await root(context, running, "its password", PASSWORD_SCRIPT, args, input, signal);
      const { passwordHash: _, ...rest } = record;
      await keep({ ...rest, ...(hash === undefined ? {} : { passwordHash: hash }) });
    }
  }

  if (record.name !== undefined && record.name !== spec.name) {
    await root(context, running, "its hostname", NAME_SCRIPT, [spec.name], "", signal);
    await keep({ ...record, name: spec.name });
  }

  await tellHosts(context, running, spec, signal);
  await tellMounts(context, running, spec, signal);
  record = (await readGuestRecord(effects, folder)) ?? record;

  const disk = (await readVmRecord(effects, folder))?.disk ?? record.disk;
  if (disk > record.disk) {
    await root(context, running, "its file system", GROW_SCRIPT, [], "", signal);
    await keep({ ...record, disk });
  }
}

/** Brings the names of other VMs to the guest where they are others than it was told last. */
export async function tellHosts(
  context: QemuContext,
  running: RunningMachine,
  spec: VmSpec,
  signal: AbortSignal,
): Promise<void> {
  const { effects } = context;
  const { folder } = running;
  const record: GuestRecord = (await readGuestRecord(effects, folder)) ?? { version: 1, keys: [], disk: 0 };
  const text = hostLines(spec.hosts?.() ?? []);
  const mark = hostsMark(text);
  if (mark === (record.hosts ?? "")) return;
  await root(context, running, "the names of other VMs", HOSTS_SCRIPT, [], text, signal);
  const { hosts: _, ...rest } = record;
  await writeRecord(effects, folder.guest, { ...rest, ...(mark === "" ? {} : { hosts: mark }) });
}

/** `-KEY` for what vmlab brought and is no longer declared, `+KEY` for what is new. */
export function keyChanges(before: readonly string[], after: readonly string[]): string[] {
  const body = (key: string): string => key.split(" ").slice(0, 2).join(" ");
  const old = new Set(before.map(body));
  const wanted = new Set(after.map(body));
  return [
    ...before.filter((key) => !wanted.has(body(key))).map((key) => `-${key}`),
    ...after.filter((key) => !old.has(body(key))).map((key) => `+${key}`),
  ];
}

async function root(
  context: QemuContext,
  { access, vm, runtime }: RunningMachine,
  what: string,
  script: string,
  args: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<void> {
  const { code, stdout, stderr } = await runInGuest(context.effects, access, {
    command: asRoot(access.user, script, args),
    input,
    timeoutMs: stretched(runtime, STEP_MS),
    signal,
  });
  if (code === 0) return;
  const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-10);
  fail({
    code: "qemu/guest-update-failed",
    address: `vm.${vm.name}`,
    summary: `${vm.name} could not be brought up to date: ${what} could not be changed`,
    detail: `The guest's shell ended with ${code ?? "no exit code"}:\n${indent(said)}`,
    hint: `Look inside: vmlab ssh ${vm.name}. The next apply tries again.`,
  });
}
