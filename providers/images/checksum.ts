/** Checksums as lab.toml, vmlab.lock and checksum files write them. */

export type Algorithm = "sha256" | "sha512";

/** `sha256:HEX` or `sha512:HEX`, lower case. */
export interface Checksum {
  readonly algorithm: Algorithm;
  readonly hex: string;
}

export function formatChecksum(checksum: Checksum): string {
  return `${checksum.algorithm}:${checksum.hex}`;
}

/** Undefined for anything but `sha256:HEX` and `sha512:HEX`. */
export function parseChecksum(text: string): Checksum | undefined {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-fA-F]+)$/.exec(text) ?? [];
  if (algorithm === undefined || hex === undefined) return undefined;
  return ofLength(hex.toLowerCase(), algorithm as Algorithm);
}

/**
 * The checksum of one file in a list: lines of `HEX  NAME` and `HEX *NAME` (GNU sha256sum, text and binary mode),
 * `SHA256 (NAME) = HEX` (BSD), or a single bare `HEX`. Names may carry a path. A list that holds both kinds yields
 * the stronger. Comments, signatures and other lines are passed over.
 */
export function findInChecksumList(list: string, name: string): Checksum | undefined {
  const found: Checksum[] = [];
  for (const line of list.split(/\r?\n/)) {
    const entry = parseLine(line);
    if (entry !== undefined && baseName(entry.name) === name) found.push(entry.checksum);
  }
  if (found.length > 0) return found.find((checksum) => checksum.algorithm === "sha512") ?? found[0];
  const bare = list.trim();
  return /^[0-9a-fA-F]+$/.test(bare) ? anyLength(bare) : undefined;
}

function parseLine(line: string): { readonly name: string; readonly checksum: Checksum } | undefined {
  const bsd = /^SHA(256|512) ?\((.+)\) ?= ?([0-9a-fA-F]+)\s*$/.exec(line);
  if (bsd?.[2] !== undefined && bsd[3] !== undefined) {
    const checksum = ofLength(bsd[3].toLowerCase(), bsd[1] === "256" ? "sha256" : "sha512");
    return checksum && { name: bsd[2], checksum };
  }
  const gnu = /^\\?([0-9a-fA-F]{64,128})[ \t]+\*?(.+?)\s*$/.exec(line);
  if (gnu?.[1] === undefined || gnu[2] === undefined) return undefined;
  const checksum = anyLength(gnu[1]);
  return checksum && { name: gnu[2], checksum };
}

function anyLength(hex: string): Checksum | undefined {
  return ofLength(hex.toLowerCase(), hex.length === 128 ? "sha512" : "sha256");
}

function ofLength(hex: string, algorithm: Algorithm): Checksum | undefined {
  return hex.length === (algorithm === "sha256" ? 64 : 128) ? { algorithm, hex } : undefined;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
