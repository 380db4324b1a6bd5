/** Files of a guest as entries: its own tar packs them. */
import { posix } from "node:path";
import type { VmProvider } from "../../../providers/provider.ts";
import { fail } from "../../diagnostics.ts";
import type { OpenProcess } from "../../effects.ts";
import { shellScript } from "../../shell-words.ts";
import type { CopyCall, CopyEntry, OpenSource } from "./entry.ts";
import { guestFailed, Said } from "./guest-failure.ts";
import type { GuestPlace } from "./place.ts";
import { needsRecursive } from "./read-host.ts";
import { decodeTar } from "./tar-entries.ts";

/**
 * $1 the path, $2 its folder, $3 its name, $4 "recursive" or "". What is named itself is followed when it is a link, and
 * of a folder only what is in it is named, so that nothing the guest says decides where a copy goes.
 */
const READ_SCRIPT = `
if [ -d "$1" ]; then
  [ "$4" = recursive ] || exit 61
  cd "$1" && exec tar -cf - .
  exit 65
fi
[ -e "$1" ] || exit 60
[ -f "$1" ] || exit 62
cd "$2" && exec tar -chf - "./$3"
exit 65
`;

export interface GuestEnd {
  readonly provider: VmProvider;
  readonly id: string;
  /** Name of the VM. */
  readonly vm: string;
  readonly asRoot: boolean;
}

export async function openGuestSource(
  end: GuestEnd,
  place: GuestPlace,
  options: { readonly recursive: boolean },
  call: CopyCall,
): Promise<OpenSource> {
  const { path } = place;
  const text = `${end.vm}:${path}`;
  const command = shellScript(READ_SCRIPT, [
    path,
    posix.dirname(path),
    posix.basename(path),
    options.recursive ? "recursive" : "",
  ]);
  const said = new Said();
  const process = await end.provider.open(
    end.id,
    command,
    { asRoot: end.asRoot, onStderr: said.take },
    call.signal,
  );
  process.closeInput();
  const check = (code: number): void => {
    if (code === 0) return;
    if (code === 60) {
      fail({
        code: "cp/no-source",
        address: `vm.${end.vm}`,
        summary: `there is no ${text}`,
        hint: "Paths of guests are taken as they are: a * in them is no glob. -r copies a whole folder.",
      });
    }
    if (code === 61) needsRecursive(text);
    if (code === 62) {
      fail({
        code: "cp/no-source",
        address: `vm.${end.vm}`,
        summary: `${text} is neither a file nor a folder`,
        hint: "Devices, sockets and pipes cannot be copied.",
      });
    }
    guestFailed(end.vm, `${text} could not be read`, code, said);
  };
  const entries = decodeTar(checked(process, call.signal, check), end.vm, call);
  const first = await entries.next();
  return {
    kind: first.done !== true && first.value.kind === "folder" ? "folder" : "file",
    name: place.name,
    entries: withFirst(first, entries),
    close: process.stop,
  };
}

/** Standard output; the exit code is looked at before its end counts as one. */
async function* checked(
  process: OpenProcess,
  signal: AbortSignal,
  check: (code: number) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* process.stdout;
    const code = await process.ended;
    signal.throwIfAborted();
    check(code);
  } finally {
    process.stop();
  }
}

async function* withFirst(
  first: IteratorResult<CopyEntry, unknown>,
  rest: AsyncGenerator<CopyEntry>,
): AsyncGenerator<CopyEntry> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
