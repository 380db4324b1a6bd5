/** A command line that may be kept and shown: `--var password=…` loses what is behind the name, a guest's command is left out. */
export function withoutValues(argv: readonly string[]): string[] {
  const shown: string[] = [];
  for (const [index, word] of argv.entries()) {
    if (word === "--") break;
    const joined = word.startsWith("--var=") ? "--var=" : "";
    if (joined === "" && argv[index - 1] !== "--var") shown.push(word);
    else shown.push(`${joined}${word.slice(joined.length).split("=", 1)[0]}=…`);
  }
  return shown;
}
