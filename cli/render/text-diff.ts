/** What changes in a text, as a unified diff. */
import { colours } from "../context.ts";
import type { OutputStream } from "../terminal.ts";

export async function renderTextDiff(
  name: string,
  before: string,
  after: string,
  out: OutputStream,
): Promise<string> {
  const { createTwoFilesPatch } = await import("diff");
  const patch = createTwoFilesPatch(name, name, before, after, "", "", { context: 3 });
  const paint = colours(out);
  const lines = patch.split("\n").filter((line) => !line.startsWith("====="));
  return lines
    .map((line) => {
      if (line.startsWith("+++") || line.startsWith("---")) return paint.strong(line.trimEnd());
      if (line.startsWith("+")) return paint.create(line);
      if (line.startsWith("-")) return paint.remove(line);
      return line.startsWith("@@") ? paint.hint(line) : line;
    })
    .join("\n");
}
