/** Distribution and release of a base image, as far as its source tells. */
import type { ImageInputs } from "../types.ts";

/** Code names of releases for which the catalogue has roles, with those that people may meet beside them. */
const RELEASES: Readonly<Record<string, string>> = {
  bullseye: "debian-11",
  bookworm: "debian-12",
  trixie: "debian-13",
  focal: "ubuntu-20.04",
  jammy: "ubuntu-22.04",
  noble: "ubuntu-24.04",
};

/** `debian-12`; undefined when nothing in the source names a release. */
export function inferOs(inputs: Pick<ImageInputs, "url" | "path" | "bootstrap">): string | undefined {
  if (inputs.bootstrap !== undefined) return RELEASES[inputs.bootstrap.suite];
  const source = (inputs.url ?? inputs.path ?? "").toLowerCase();
  const file = source.slice(source.lastIndexOf("/") + 1);
  const written = /(debian|ubuntu)-(\d+(?:\.\d+)?)/.exec(file);
  if (written !== null) return `${written[1]}-${written[2]}`;
  const word = Object.keys(RELEASES).find((name) => new RegExp(`(^|[^a-z])${name}([^a-z]|$)`).test(source));
  return word === undefined ? undefined : RELEASES[word];
}
