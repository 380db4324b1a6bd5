/** The names of other VMs in a guest's /etc/hosts: a block of its own at the top, so that it goes before 127.0.1.1. */
import { sha256 } from "../../engine/json.ts";
import type { HostEntry } from "../provider.ts";

/** Reads the block's lines from stdin; none takes the block away. Everything else in the file stays. */
export const HOSTS_SCRIPT = `
set -e
f=/etc/hosts
[ -e "$f" ] || : >"$f"
{
  if IFS= read -r first; then
    echo '# vmlab: members of the lab networks'
    printf '%s\\n' "$first"
    cat
    echo '# vmlab: end'
  fi
  sed '/^# vmlab: members of the lab networks$/,/^# vmlab: end$/d' "$f"
} >"$f.vmlab"
chmod 644 "$f.vmlab"
mv "$f.vmlab" "$f"
sync`;

/** One line an entry, as hosts(5) describes them. */
export function hostLines(entries: readonly HostEntry[]): string {
  return entries.map(({ ip, names }) => `${[ip, ...names].join(" ")}\n`).join("");
}

/** What guest.json keeps of the lines; empty for none. */
export function hostsMark(lines: string): string {
  return lines === "" ? "" : sha256(lines);
}
