/** The nearest right name for a wrong one. */

/** The candidate with the smallest edit distance, when it is near enough to be a slip. */
export function nearestName(wrong: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wrong.length) >= bestDistance) continue;
    const distance = editDistance(wrong, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean "x"?`, or the names there are when they are few, or undefined. `whose` names they are begins a sentence. */
export function nameHint(
  wrong: string,
  candidates: Iterable<string>,
  noun: string,
  whose = "The lab",
): string | undefined {
  const names = [...candidates];
  const nearest = nearestName(wrong, names);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  if (names.length === 0) return `${whose} declares no ${noun}.`;
  if (names.length <= 8) return `Declared: ${names.join(", ")}.`;
  return undefined;
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. O(n·m). */
function editDistance(a: string, b: string, limit: number): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let smallest = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (old[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        value = Math.min(value, (older[j - 2] ?? 0) + 1);
      }
      row.push(value);
      smallest = Math.min(smallest, value);
    }
    if (smallest >= limit) return limit;
    older = old;
    old = row;
  }
  return old[b.length] ?? limit;
}
