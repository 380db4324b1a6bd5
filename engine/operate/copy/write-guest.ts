/** Entries into a guest: its own tar unpacks them. */
import { posix } from "node:path";
import { fail } from "../../diagnostics.ts";
import { shellScript } from "../../shell-words.ts";
import type { CopyCall, EntryPath, OpenSource } from "./entry.ts";
import { guestFailed, Said } from "./guest-failure.ts";
import type { GuestPlace } from "./place.ts";
import type { GuestEnd } from "./read-guest.ts";
import { encodeTar } from "./tar-entries.ts";

/**
 * $1 the destination, $2 its folder, $3 "folder" if it has to be one, "make" if it is made where it is missing, $4
 * the kind of what comes. Says where it unpacks before it reads: "inside" the destination, or "beside", where it gets the
 * destination's name. Files belong to the user, with the modes that the archive has and the time of the copy.
 */
const WRITE_SCRIPT = `
[ "$3" = make ] && { [ -d "$1" ] || mkdir -- "$1" || exit 65; }
if [ -d "$1" ]; then
  cd "$1" || exit 65
  echo inside
elif [ "$3" = folder ]; then exit 60
elif [ -e "$1" ] && [ "$4" = folder ]; then exit 61
else
  [ -d "$2" ] || exit 62
  cd "$2" || exit 65
  echo beside
fi
exec tar -xpomf -
`;

export interface GuestTarget extends GuestEnd {
  readonly place: GuestPlace;
  /** It has to be a folder, because several things go there. */
  readonly several: boolean;
}

export async function writeToGuest(target: GuestTarget, source: OpenSource, call: CopyCall): Promise<void> {
  const { place, vm } = target;
  const text = `${vm}:${place.path}`;
  const need = source.name === undefined ? "make" : target.several || place.mustBeFolder ? "folder" : "";
  const command = shellScript(WRITE_SCRIPT, [place.path, posix.dirname(place.path), need, source.kind]);
  const said = new Said();
  const process = await target.provider.open(
    target.id,
    command,
    { asRoot: target.asRoot, onStderr: said.take },
    call.signal,
  );
  const output = process.stdout[Symbol.asyncIterator]();
  try {
    const where = await firstLine(output);
    if (where !== undefined) {
      for await (const chunk of encodeTar(source.entries, prefixOf(where, place, source))) {
        // A tar that has given up takes no more: its exit code and what it said tell why.
        if (!(await process.write(chunk))) break;
      }
      process.closeInput();
      while ((await output.next()).done !== true);
    }
    const code = await process.ended;
    call.signal.throwIfAborted();
    if (code !== 0) refused(code, text, target, said);
  } finally {
    process.closeInput();
    process.stop();
    await output.return?.();
  }
}

function prefixOf(where: string, place: GuestPlace, source: OpenSource): EntryPath {
  if (where === "inside") return source.name === undefined ? [] : [source.name];
  return [posix.basename(place.path)];
}

async function firstLine(output: AsyncIterator<Uint8Array>): Promise<string | undefined> {
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await output.next();
    if (done === true) return undefined;
    text += Buffer.from(value).toString("utf8");
  }
  return text.slice(0, text.indexOf("\n"));
}

function refused(code: number, text: string, { vm, place }: GuestTarget, said: Said): never {
  const address = `vm.${vm}`;
  if (code === 60) {
    fail({
      code: "cp/not-a-folder",
      address,
      summary: `${text} is no folder`,
      hint: `Several things need a folder to go to: "vmlab exec ${vm} -- mkdir -p ${place.path}" makes it.`,
    });
  }
  if (code === 61) {
    fail({
      code: "cp/not-a-folder",
      address,
      summary: `${text} is a file, and a folder cannot take its place`,
      hint: "Name another destination, or remove the file.",
    });
  }
  if (code === 62) {
    const folder = posix.dirname(place.path);
    fail({
      code: "cp/no-folder",
      address,
      summary: `there is no folder ${folder} in ${vm}`,
      hint: `"vmlab exec ${vm} -- mkdir -p ${folder}" makes it.`,
    });
  }
  return guestFailed(vm, `${text} could not be written`, code, said);
}
