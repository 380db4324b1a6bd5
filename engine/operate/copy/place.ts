/** What the arguments of `cp` name: a path of this host, or `VM:PATH`. */
import { basename, posix, resolve } from "node:path";

export interface HostPlace {
  readonly at: "host";
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly text: string;
  /** Undefined for `DIR/.`, which means what is in it. */
  readonly name: string | undefined;
  /** Written with a slash at its end. */
  readonly mustBeFolder: boolean;
}

export interface GuestPlace {
  readonly at: "guest";
  /** A name or a glob. */
  readonly vm: string;
  /** Absolute, or relative to the user's home folder. */
  readonly path: string;
  readonly text: string;
  readonly name: string | undefined;
  readonly mustBeFolder: boolean;
}

export type Place = HostPlace | GuestPlace;

/** As scp reads them: a colon before the first slash parts a VM from a path. `./a:b` is a file of this host. */
export function parsePlace(text: string, cwd: string): Place {
  const [, vm, rest] = /^([^/:]+):(.*)$/s.exec(text) ?? [];
  if (vm === undefined || rest === undefined) {
    return { at: "host", path: resolve(cwd, text), text, ...endOf(text, basename(resolve(cwd, text))) };
  }
  const home = rest.replace(/^~(?:\/+|$)/, "");
  const path = posix.normalize(home === "" ? "." : home).replace(/(?<=.)\/+$/, "");
  return {
    at: "guest",
    vm,
    path: path.startsWith("-") ? `./${path}` : path,
    text,
    ...endOf(home === "" ? "." : home, posix.basename(path)),
  };
}

function endOf(text: string, name: string): Pick<Place, "name" | "mustBeFolder"> {
  const onlyInside = /(?:^|\/)\.{1,2}\/*$/.test(text) || /^\/+$/.test(text);
  return { name: onlyInside ? undefined : name, mustBeFolder: onlyInside || text.endsWith("/") };
}
