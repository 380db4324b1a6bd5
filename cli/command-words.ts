/** Command lines as they may be kept and shown: values of variables and what is meant for a guest stay out. */
import type { Command } from "commander";

/** A line that was understood: `--var password=…` loses what is behind the name, a guest's command is left out. */
export function withoutValues(argv: readonly string[]): string[] {
  const shown: string[] = [];
  for (const [index, word] of ownWords(argv).entries()) {
    const joined = /^--?var=/.exec(word)?.[0] ?? "";
    if (joined === "" && !/^--?var$/.test(argv[index - 1] ?? "")) shown.push(word);
    else shown.push(`${joined}${masked(word.slice(joined.length))}`);
  }
  return shown;
}

/** A line that was not understood: a value may stand in any place of it, so only names that vmlab gave itself are kept. */
export function onlyNames(argv: readonly string[], names: ReadonlySet<string>): string[] {
  return ownWords(argv).flatMap((word) => {
    if (names.has(word)) return [word];
    const option = /^(--[^=]+)=/.exec(word)?.[1];
    return option !== undefined && names.has(option) ? [`${option}=…`] : [];
  });
}

/** What a definition calls itself, its options and the commands below it. */
export function namesIn(definition: Command): Set<string> {
  return new Set([
    ...definition.name().split(" "),
    ...definition.aliases(),
    ...definition.options.flatMap(({ long, short }) => [long ?? [], short ?? []].flat()),
    ...definition.commands.flatMap((below) => [...namesIn(below as Command)]),
  ]);
}

function ownWords(argv: readonly string[]): readonly string[] {
  const dashes = argv.indexOf("--");
  return dashes < 0 ? argv : argv.slice(0, dashes);
}

/** Without `=` nobody knows whether it is the name or the value. */
function masked(assignment: string): string {
  const equals = assignment.indexOf("=");
  return equals < 0 ? "…" : `${assignment.slice(0, equals)}=…`;
}
