/** `vmlab fmt`: the layout of TOML files, by dprint's formatter. Comments and the order of everything stay. */
import { readFile } from "node:fs/promises";
import { DiagnosticsError } from "../diagnostics.ts";
import { parseToml } from "./toml/parse-toml.ts";

interface TextFormatter {
  formatText(request: { filePath: string; fileText: string }): string;
}

let formatter: TextFormatter | undefined;

/** The formatted text. `file` is its name in diagnostics, which are thrown for a text that is not valid TOML. */
export async function formatToml(text: string, file: string): Promise<string> {
  const { diagnostics } = await parseToml(text, file);
  if (diagnostics.length > 0) throw new DiagnosticsError(diagnostics);
  formatter ??= await loadFormatter();
  return formatter.formatText({ filePath: "lab.toml", fileText: text });
}

// The formatter reads its own program, a file that belongs to vmlab: no effect on anything outside.
async function loadFormatter(): Promise<TextFormatter> {
  const [{ createFromBuffer }, { getPath }] = await Promise.all([
    import("@dprint/formatter"),
    import("@dprint/toml"),
  ]);
  const made = createFromBuffer(await readFile(getPath()));
  made.setConfig(
    { lineWidth: 110, indentWidth: 2 },
    // `#:schema` must stay as it is for editors; the order of keys is the author's.
    { "comment.forceLeadingSpace": false, "cargo.applyConventions": false },
  );
  return made;
}
