/** What images are called, and which images a name means. */
import { nearestName } from "../../../engine/config/nearest-name.ts";
import { type Diagnostic, fail, problem } from "../../../engine/diagnostics.ts";
import type { ImageRecord } from "../image-record.ts";
import { bareDigest, shortDigest } from "../store.ts";

/** Fewer digits of a digest say little. */
const LEAST_DIGITS = 4;
const ENDINGS = /\.(qcow2|img|raw|tar|xz|gz|zst)$/i;

/** The recorded name; of images that were recorded without one, what their source is called. */
export function imageName(
  record: Pick<ImageRecord, "name" | "address" | "source"> | undefined,
  digest: string,
): string {
  if (record?.name !== undefined && record.name !== "") return record.name;
  const address = record?.address?.replace(/^[a-z]+\./, "");
  if (address !== undefined && address !== "") return address;
  const bootstrap = /^bootstrap:([a-z0-9]+)\/([a-z0-9.-]+)/.exec(record?.source ?? "");
  if (bootstrap !== null) return `${bootstrap[1]}-${bootstrap[2]}`;
  let file = (record?.source ?? "").replace(/[?#].*$/, "").replace(/^.*\//, "");
  while (ENDINGS.test(file)) file = file.replace(ENDINGS, "");
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(file) ? file : shortDigest(digest);
}

interface Named {
  readonly digest: string;
  readonly name: string;
  readonly record: ImageRecord | undefined;
}

/** Every image that a name, an address such as `role.docker`, or the beginning of a digest means. */
export function imagesCalled<Image extends Named>(images: readonly Image[], what: string): readonly Image[] {
  const named = images.filter(({ name, record }) => name === what || record?.address === what);
  if (named.length > 0) return named;
  const digits = bareDigest(what).toLowerCase();
  if (digits.length < LEAST_DIGITS || !/^[0-9a-f]+$/.test(digits)) return [];
  return images.filter(({ digest }) => digest.startsWith(digits));
}

/** The one image that `what` means. None and several are diagnostics; the latter lists the digests. */
export function theImage<Image extends Named>(images: readonly Image[], what: string): Image {
  const found = imagesCalled(images, what);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  if (first === undefined) return unknownImage(images, what);
  const lines = found.map(({ digest, name, record }) => {
    const created = record === undefined ? "" : `, ${record.created.slice(0, 16).replace("T", " ")} UTC`;
    return `  ${shortDigest(digest)}  ${name}${created}`;
  });
  return fail({
    code: "image/ambiguous-name",
    summary: `"${what}" means ${found.length} images`,
    detail: lines.join("\n"),
    hint: "Name one by the beginning of its digest.",
  });
}

export function unknownImage(images: readonly Named[], what: string): never {
  const nearest = nearestName(what, [...new Set(images.map(({ name }) => name))]);
  const why: Diagnostic = problem({
    code: "image/unknown-name",
    summary: `there is no image "${what}" in the store`,
    hint: nearest === undefined ? `"vmlab images" lists all.` : `Did you mean "${nearest}"?`,
  });
  return fail(why);
}
