/** A list too long for a line, by its largest. */

export interface NamedAmount {
  readonly name: string;
  readonly amount: number;
}

const MOST_NAMED = 3;

/** `k8s-cp 4 GiB, web 2 GiB, db 1 GiB and 3 more`. */
export function nameLargest(things: readonly NamedAmount[], text: (amount: number) => string): string {
  const sorted = [...things].sort((a, b) => b.amount - a.amount || (a.name < b.name ? -1 : 1));
  const named = sorted.slice(0, MOST_NAMED).map(({ name, amount }) => `${name} ${text(amount)}`);
  const more = sorted.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
