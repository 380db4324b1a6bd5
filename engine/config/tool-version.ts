/** `lab.vmlab`: which versions of vmlab a lab works with. */

type Version = readonly [number, number, number];

/** True when `version` satisfies every comparison of `constraint` (`>=0.1 <2`, `^1.2`, `~1.2`, `1.2`). */
export function satisfiesVersion(version: string, constraint: string): boolean {
  const have = parse(version);
  return constraint
    .trim()
    .split(/ +/)
    .every((comparison) => {
      const match = /^(>=|>|<=|<|=|~|\^)?([0-9.]+)$/.exec(comparison);
      if (match === null) return false;
      const wanted = match[2] ?? "";
      const parts = wanted.split(".").length;
      return compares(have, match[1] ?? "=", parse(wanted), parts);
    });
}

function compares(have: Version, operator: string, wanted: Version, parts: number): boolean {
  const order = compare(have, wanted);
  switch (operator) {
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0 || samePrefix(have, wanted, parts);
    case "<":
      return order < 0;
    case "~":
      return order >= 0 && samePrefix(have, wanted, Math.min(parts, 2));
    case "^":
      // Below 1.0.0 the second number is the one that breaks.
      return order >= 0 && samePrefix(have, wanted, wanted[0] === 0 ? Math.min(parts, 2) : 1);
    default:
      return samePrefix(have, wanted, parts);
  }
}

function parse(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = text.split(/[-+]/)[0]?.split(".").map(Number) ?? [];
  return [major, minor, patch];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function samePrefix(a: Version, b: Version, parts: number): boolean {
  return a.slice(0, parts).every((number, index) => number === b[index]);
}
