/** toml-eslint-parser, loaded apart from the first screenful of code; its own parsing runs only on demand. */
type TomlParser = typeof import("toml-eslint-parser");

let parser: TomlParser | undefined;

export async function loadTomlParser(): Promise<TomlParser> {
  parser ??= await import("toml-eslint-parser");
  return parser;
}

/** The parser, once {@link loadTomlParser} has resolved. */
export function tomlParser(): TomlParser {
  if (parser === undefined) throw new Error("loadTomlParser() comes first");
  return parser;
}
